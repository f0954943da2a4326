/** Objects on their way from the hub to the device's store: in blocks, within the budget, and across power cuts. */
export { type Base, type Bases, baseOfBytes, baseOfStore, inStore } from "./bases.ts";
export type { TransferFailure, Wanted } from "./model.ts";
export { type ApplyPatch, type Mover, type MoverPorts, moveObject, type Outcome } from "./mover.ts";
export { newPace, type Pace } from "./pace.ts";
export { openParcels, type ParcelFile, type Parcels } from "./parcels.ts";
