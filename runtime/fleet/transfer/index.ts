/** One object on its way from the hub: what is asked for when, what is kept, and when to give up. Pure. */
export { transferLimits } from "./limits.ts";
export type {
  KeptParcel,
  Now,
  StreamBy,
  Transfer,
  TransferEffect,
  TransferEvent,
  TransferFailure,
  Wanted,
} from "./model.ts";
export { newPace, type Pace, receiveBytesFor } from "./pace.ts";
export { deadline, type Found, fraction, newTransfer, step, underWay } from "./step.ts";
