import { bytes, keyed, optional, seconds, uint, type ValueOf } from "../codec.ts";
import { message } from "../message.ts";

/** n/t: what time it is, and whom to trust. */
const beacon = keyed({
  time: [1, seconds],
  /** Of the key that signs for this device: the newest that it has. */
  epoch: [2, uint],
  /** Public Ed25519 key of the epoch after it; null: the hub has none. */
  nextKey: [3, optional(bytes(32))],
});

export type Beacon = ValueOf<typeof beacon>;
export const { encode: encodeBeacon, decode: decodeBeacon } = message("n/t", beacon);
