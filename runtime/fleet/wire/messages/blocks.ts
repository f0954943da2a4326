import { bytes, count, hex, integer, keyed, list, oneOf, optional, uint, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";
import { digest } from "../names.ts";
import { blockRanges } from "../ranges.ts";

/** u/q: which blocks of a parcel the device does not have. With none it wants no more of it. */
const blockRequest = keyed({
  /** Chosen by the device; the blocks have it instead of the object's digest. */
  transfer: [1, uint],
  object: [2, digest],
  blockBytes: [3, oneOf(limits.blockBytes)],
  /** Objects that are there, the likeliest first, for the hub to make a patch from. */
  candidates: [4, list(digest, limits.candidatesMax)],
  missing: [5, blockRanges],
  /** Of which parcel the blocks are that the device has: the first 8 bytes of its digest. Null: it has none. */
  parcel: [6, optional(hex(8))],
});
export type BlockRequest = ValueOf<typeof blockRequest>;
export const { encode: encodeBlockRequest, decode: decodeBlockRequest } = message("u/q", blockRequest);

/** What the blocks make up: a patch (`runtime/patch`) that gives the object. */
const parcel = keyed({
  digest: [1, digest],
  bytes: [2, count],
  objectBytes: [3, count],
  /** Which of the candidates the patch is for; null: none, it gives the object from nothing. */
  base: [4, optional(integer(0, limits.candidatesMax - 1))],
  /** Who knows it may fetch the parcel over HTTPS; null: it comes in blocks only. */
  key: [5, optional(bytes(limits.parcelKeyBytes))],
});
export type Parcel = ValueOf<typeof parcel>;

/**
 * n/o: one of them. Not signed: the parcel's digest tells whether all came as they should, and the object's whether they are right.
 * Block 0 says what parcel it is of; with no parcel, and no bytes, the hub has not got the object. When it is of another parcel than the
 * device asked for, the blocks before it are worth nothing.
 */
const block = keyed({
  transfer: [1, uint],
  index: [2, uint],
  bytes: [3, bytes(Math.max(...limits.blockBytes), 0)],
  parcel: [4, optional(parcel)],
});
export type Block = ValueOf<typeof block>;
export const { encode: encodeBlock, decode: decodeBlock } = message("n/o", block);
