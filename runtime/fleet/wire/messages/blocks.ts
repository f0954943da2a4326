import { bytes, keyed, list, oneOf, uint, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";
import { digest } from "../names.ts";
import { blockRanges } from "../ranges.ts";

/** u/q: which blocks of an object the device does not have. With none it wants no more of it. */
const blockRequest = keyed({
  /** Chosen by the device; the blocks have it instead of the object's digest. */
  transfer: [1, uint],
  object: [2, digest],
  blockBytes: [3, oneOf(limits.blockBytes)],
  /** Objects that are there, for the hub to make a patch from. */
  candidates: [4, list(digest, limits.candidatesMax)],
  missing: [5, blockRanges],
});
export type BlockRequest = ValueOf<typeof blockRequest>;
export const { encode: encodeBlockRequest, decode: decodeBlockRequest } = message("u/q", blockRequest);

/** n/o: one of them. Not signed: the object's digest tells whether all came as they should. */
const block = keyed({
  transfer: [1, uint],
  index: [2, uint],
  bytes: [3, bytes(Math.max(...limits.blockBytes), 1)],
});
export type Block = ValueOf<typeof block>;
export const { encode: encodeBlock, decode: decodeBlock } = message("n/o", block);
