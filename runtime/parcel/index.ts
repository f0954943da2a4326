/** What devices are sent: a patch, made once and tried before anybody gets it. */
export { explainMake, type MadeParcel, type MakeFault, makeParcel, type ParcelWish } from "./make.ts";
