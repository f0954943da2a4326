import { checksumOf, FIELD, MAGIC_GNU, MAGIC_POSIX } from "./layout.ts";
import type { TarProblem } from "./model.ts";
import { decodeName } from "./names.ts";

/** A header as it stands in the archive, its flag not yet understood. */
export interface Header {
  readonly flag: string;
  readonly name: string;
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly major: number;
  readonly minor: number;
}

export type Refuse = (kind: TarProblem, detail: string) => never;

export const ID_MAX = 2 ** 32 - 2; // the last one means "nobody in particular" to chown(2)

/** Decodes one block. What is wrong goes to `refuse`, which throws. */
export function readHeader(block: Uint8Array, refuse: Refuse): Header {
  const field = ([from, length]: readonly [number, number]): Uint8Array => block.subarray(from, from + length);
  const magic = latin1(field(FIELD.magic));
  if (magic !== MAGIC_POSIX && magic !== MAGIC_GNU) refuse("noTar", "");
  const checksum = readNumber(field(FIELD.checksum));
  if (checksum !== checksumOf(block)) refuse("badChecksum", "");

  const number = (name: keyof typeof FIELD, least: number, most: number): number => {
    const value = readNumber(field(FIELD[name]));
    if (value === null || value < least || value > most) refuse("badNumber", name);
    return value;
  };
  const base = untilNul(field(FIELD.name));
  // GNU keeps times where POSIX has the prefix.
  const prefix = magic === MAGIC_POSIX ? untilNul(field(FIELD.prefix)) : "";
  return {
    flag: String.fromCharCode(block[FIELD.kind[0]] ?? 0),
    name: prefix === "" ? base : `${prefix}/${base}`,
    link: untilNul(field(FIELD.link)),
    mode: number("mode", 0, Number.MAX_SAFE_INTEGER) % 0o10000, // old archives put the file's type above
    uid: number("uid", 0, ID_MAX),
    gid: number("gid", 0, ID_MAX),
    sizeBytes: number("size", 0, Number.MAX_SAFE_INTEGER),
    mtimeSeconds: number("mtime", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    major: number("major", 0, 2 ** 32 - 1),
    minor: number("minor", 0, 2 ** 32 - 1),
  };
}

/** Octal digits between blanks and NUL, nothing at all being 0; or GNU's base-256 (tar manual, "Extensions"): null for neither. */
export function readNumber(field: Uint8Array): number | null {
  const first = field[0] ?? 0;
  if (first >= 0x80) return readBase256(field);
  const digits = /^[ \0]*([0-7]*)[ \0]*$/.exec(latin1(field))?.[1];
  return digits === undefined ? null : digits === "" ? 0 : Number.parseInt(digits, 8);
}

/** Two's complement, big-endian; the top bit only says that it is this. Null beyond 2^53. */
function readBase256(field: Uint8Array): number | null {
  const negative = ((field[0] ?? 0) & 0x40) !== 0;
  let value = 0n;
  for (const [at, byte] of field.entries()) value = (value << 8n) | BigInt(at === 0 ? byte & 0x7f : byte);
  if (negative) value -= 1n << BigInt(field.length * 8 - 1);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : null;
}

export const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");

export function untilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}
