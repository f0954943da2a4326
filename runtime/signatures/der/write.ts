import { TAG } from "./read.ts";

/** One element with its tag and the shortest form of its length. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(contents);
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag), lengthOf(body.length), body]));
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Uint8Array.of(0x80 | digits.length, ...digits);
}

export const derSequence = (...contents: readonly Uint8Array[]): Uint8Array => der(TAG.sequence, ...contents);

/** A whole number that is not negative, given big-endian; leading zeros do not matter. */
export function derUnsigned(digits: Uint8Array): Uint8Array {
  const start = digits.findIndex((byte) => byte !== 0);
  const shortest = start < 0 ? Uint8Array.of(0) : digits.subarray(start);
  return der(TAG.integer, (shortest[0] ?? 0) > 0x7f ? Uint8Array.of(0) : new Uint8Array(), shortest);
}

/** A bit string of whole bytes. */
export const derBits = (bytes: Uint8Array): Uint8Array => der(TAG.bitString, Uint8Array.of(0), bytes);

export const derNull = (): Uint8Array => der(TAG.nothing);

/** An object identifier from its dotted form. */
export function derOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((part) => {
    const digits = [part % 128];
    for (let more = Math.floor(part / 128); more > 0; more = Math.floor(more / 128))
      digits.unshift(0x80 | (more % 128));
    return digits;
  });
  return der(TAG.oid, Uint8Array.from(bytes));
}
