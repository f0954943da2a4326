/** Parcels in datagrams, for devices on thin links (`fleet/datagrams`). */
export { type Datagrams, type DatagramsPorts, openDatagrams } from "./datagrams.ts";
