import { dictionary, keyed, list, text, uint, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";

const key = text(limits.metadataKeyBytesMax, 1);
/** Far above what fits into one message. */
const ENTRIES_MAX = 512;

/** Removals come first, so that a key in both is set. */
const changes = {
  set: [1, dictionary(key, text(limits.metadataValueBytesMax), ENTRIES_MAX)],
  remove: [2, list(key, ENTRIES_MAX)],
} as const;

/** n/u: what changed in user-meta. `sequence` rises: one that is missing was lost, an older one is not taken any more. */
const userMeta = keyed({ ...changes, sequence: [3, uint] });
export type UserMeta = ValueOf<typeof userMeta>;
export const { encode: encodeUserMeta, decode: decodeUserMeta } = message("n/u", userMeta);

/** u/d: what changed in device-meta. */
const deviceMeta = keyed(changes);
export type DeviceMeta = ValueOf<typeof deviceMeta>;
export const { encode: encodeDeviceMeta, decode: decodeDeviceMeta } = message("u/d", deviceMeta);
