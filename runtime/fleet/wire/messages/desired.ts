import { limits } from "../../../state/index.ts";
import { flags, integer, keyed, optional, seconds, uint, type ValueOf } from "../codec.ts";
import { message } from "../message.ts";
import { digest } from "../names.ts";

/** n/d: the revision that the device is to run. */
const desired = keyed({
  /** Rises with each that the hub sends to a device: an older one is not taken any more. */
  sequence: [1, uint],
  /** The number that the revision gets on the device; 0 is the factory's. */
  rev: [2, integer(1, 0xffff_ffff)],
  /** Of the state, an object like others. */
  stateDigest: [3, digest],
  stateBytes: [4, integer(1, limits.stateBytesMax)],
  notBefore: [5, optional(seconds)],
  expiry: [6, optional(seconds)],
  /**
   * `security`: the caps on bytes are twice as much for it. `https`: large objects may come over HTTPS. `whole`: where a patch turned out
   * to be wrong, the object itself may come, whatever it costs.
   */
  policy: [7, flags(["security", "https", "whole"])],
});

export type Desired = ValueOf<typeof desired>;
export const { encode: encodeDesired, decode: decodeDesired } = message("n/d", desired);
