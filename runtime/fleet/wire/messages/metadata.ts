import { dictionary, flags, keyed, list, text, uint, type ValueOf } from "../codec.ts";
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

/**
 * n/u: what changed in user-meta since its `sequence` was `from`. Who is not that far yet has lost something: it says where it is (`u/s`),
 * and gets what it lacks. Who is as far already ignores it.
 */
const userMeta = keyed({
  ...changes,
  sequence: [3, uint],
  from: [4, uint],
  /** `deviceMeta`: all of it is to be told again. */
  wants: [5, flags(["deviceMeta"])],
});
export type UserMeta = ValueOf<typeof userMeta>;
export const { encode: encodeUserMeta, decode: decodeUserMeta } = message("n/u", userMeta);

/** u/d: what changed in device-meta. `whole`: what was told before counts no more. */
const deviceMeta = keyed({ ...changes, how: [3, flags(["whole"])] });
export type DeviceMeta = ValueOf<typeof deviceMeta>;
export const { encode: encodeDeviceMeta, decode: decodeDeviceMeta } = message("u/d", deviceMeta);
