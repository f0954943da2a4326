/** What devices are sent of an object: patches, kept in a folder, made by a process of their own. */
export { prepareFolder } from "./folder.ts";
export { childMaker, type Made, type Maker, type MakerWish } from "./maker.ts";
export { openParcels, type Parcel, type Parcels, type ParcelsPorts } from "./parcels.ts";
