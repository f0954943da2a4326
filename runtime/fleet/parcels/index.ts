/** Parcels on the disk, across power cuts, and how each becomes the object that it is for. `transfer/` decides. */
export { type Base, type Bases, baseOfBytes, baseOfStore, inStore } from "./bases.ts";
export { type Download, download } from "./download.ts";
export { type ApplyPatch, type Mover, type MoverPorts, moveObject, type Outcome, type Part } from "./mover.ts";
export { openParcels, type ParcelFile, type Parcels } from "./parcels.ts";
