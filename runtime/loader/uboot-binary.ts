import { err, ok, type Result } from "../result.ts";
import type { Format, TooLarge } from "./format.ts";
import { decodeEntries, encodeEntries } from "./uboot-text.ts";
import type { Variables } from "./variables.ts";

/*
 * U-Boot's environment (`struct environment_s`, include/env_internal.h): CRC32 of the data, little-endian; where there are two copies, a
 * byte of flags, which on block devices is a counter and which the CRC does not cover; the data, a list of entries.
 */

const FLAGS_AT = 4;
const PAIR_DATA_AT = 5;
const SINGLE_DATA_AT = 4;

/** The shortest copy with a header and an empty list. */
export const COPY_BYTES_MIN = PAIR_DATA_AT + 2;

const view = (copy: Uint8Array): DataView => new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
const crcOf = (copy: Uint8Array, dataAt: number): number => Bun.hash.crc32(copy.subarray(dataAt));
const holds = (copy: Uint8Array, dataAt: number): boolean =>
  copy.byteLength >= COPY_BYTES_MIN && view(copy).getUint32(0, true) === crcOf(copy, dataAt);

/** What follows the list's end (mkenvimage pads with 0xff) means nothing. */
function decode(copy: Uint8Array, dataAt: number): Result<Variables, string> {
  if (!holds(copy, dataAt)) return err("its checksum does not hold");
  const decoded = decodeEntries(copy.subarray(dataAt));
  if (!decoded.ok) return decoded;
  return decoded.value.rest === null ? err("the list of its variables has no end") : ok(decoded.value.variables);
}

function encode(variables: Variables, sizeBytes: number, dataAt: number): Result<Uint8Array, TooLarge> {
  const list = encodeEntries(variables, sizeBytes - dataAt);
  if (!list.ok) return list;
  const copy = new Uint8Array(sizeBytes);
  copy.set(list.value, dataAt);
  view(copy).setUint32(0, crcOf(copy, dataAt), true);
  return ok(copy);
}

/** An environment without a second copy. It must be there: U-Boot takes its whole built-in environment or none of it. */
export const singleCopy = (sizeBytes: number): Format<Variables> => ({
  bytesMax: sizeBytes,
  missing: null,
  decode: (bytes) =>
    bytes.byteLength === sizeBytes
      ? decode(bytes, SINGLE_DATA_AT)
      : err(`it has ${bytes.byteLength} bytes and not ${sizeBytes}`),
  encode: (variables) => encode(variables, sizeBytes, SINGLE_DATA_AT),
});

/** The counter of one of two copies. */
export const flagsOf = (copy: Uint8Array): number => view(copy).getUint8(FLAGS_AT);

/**
 * Which of two copies U-Boot takes (`env_check_redund`, env/common.c; libubootenv does the same for files and block devices): the one
 * whose checksum holds; of two, the one with the higher counter, where 0 comes after 255; the first when they are equal. null: neither.
 * A copy that could not be read is null.
 */
export function currentCopy(first: Uint8Array | null, second: Uint8Array | null): 0 | 1 | null {
  const one = first !== null && holds(first, PAIR_DATA_AT) ? flagsOf(first) : null;
  const two = second !== null && holds(second, PAIR_DATA_AT) ? flagsOf(second) : null;
  if (one === null || two === null) return one !== null ? 0 : two !== null ? 1 : null;
  if (one === 255 && two === 0) return 1;
  if (two === 255 && one === 0) return 0;
  return two > one ? 1 : 0;
}

/** The variables of one of two copies. */
export const decodeCopy = (copy: Uint8Array): Result<Variables, string> => decode(copy, PAIR_DATA_AT);

/** One of two copies; `flags` is the counter, taken modulo 256. */
export function encodeCopy(variables: Variables, sizeBytes: number, flags: number): Result<Uint8Array, TooLarge> {
  const copy = encode(variables, sizeBytes, PAIR_DATA_AT);
  if (copy.ok) copy.value[FLAGS_AT] = flags & 0xff;
  return copy;
}
