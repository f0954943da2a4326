/** Patches as a stranger may write them: every number is the test's own. */
import { brotliCompressSync, constants, zstdCompressSync } from "node:zlib";
import { applyPatch, type RandomRead } from "../../runtime/patch/index.ts";

export const HEAD = [0x63, 0x64, 0xd1, 1];

export function number(value: number): number[] {
  const low = value % 128;
  return value < 128 ? [low] : [low + 128, ...number(Math.floor(value / 128))];
}

/** How far ahead, or behind, as zigzag. */
export const signed = (value: number): number[] => number(value < 0 ? -2 * value - 1 : 2 * value);

export const stored = (bytes: ArrayLike<number>): number[] => [...number(bytes.length * 4), ...Array.from(bytes)];

export const zstd = (bytes: Uint8Array, rawBytes = bytes.length): number[] =>
  packed(1, zstdCompressSync(bytes), rawBytes);
export const brotli = (bytes: Uint8Array, rawBytes = bytes.length): number[] =>
  packed(2, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_LGWIN]: 18 } }), rawBytes);

export const packed = (packing: number, bytes: Uint8Array, rawBytes: number): number[] => [
  ...number(rawBytes * 4 + packing),
  ...number(bytes.length),
  ...bytes,
];

export interface Sizes {
  readonly object: number;
  /** Null: no base. */
  readonly base: number | null;
}

export const patchOf = ({ object, base }: Sizes, ...sections: readonly number[][]): Uint8Array =>
  Uint8Array.from([...HEAD, ...number(object), ...number(base === null ? 0 : base + 1), ...sections.flat()]);

/** `shifts`: start / 4, words, tag, low, high - low, and what is added. */
export const shiftedPatchOf = (
  { object, base }: Sizes,
  shifts: readonly (readonly [number, number, number, number, number, number])[],
  ...sections: readonly number[][]
): Uint8Array =>
  Uint8Array.from([
    ...HEAD.slice(0, -1),
    2,
    ...number(object),
    ...number(base === null ? 0 : base + 1),
    ...number(shifts.length),
    ...shifts.flatMap(([start, words, tag, low, span, add]) => [
      ...[start, words, tag, low, span].flatMap(number),
      ...signed(add),
    ]),
    ...sections.flat(),
  ]);

/** Steps, gaps, differences and news, stored. */
export const section = (
  steps: readonly number[],
  gaps: readonly number[],
  differences: readonly number[],
  news: readonly number[],
): number[] => [...stored(steps), ...stored(gaps), ...stored(differences), ...stored(news)];

/** A base in memory; `atOnce`: bytes that a read gives at most. */
export const inMemory = (bytes: Uint8Array, atOnce = Number.POSITIVE_INFINITY): RandomRead => ({
  sizeBytes: bytes.length,
  read: async (into, at) => {
    const part = bytes.subarray(at, at + Math.min(into.length, atOnce));
    into.set(part);
    return { ok: true, value: part.length };
  },
});

export async function* pieces(bytes: Uint8Array, length = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

export async function applied(
  patch: Uint8Array,
  base: RandomRead | null,
  objectBytes: number,
  cut?: number,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of applyPatch({ base, patch: pieces(patch, cut), objectBytes }))
    chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}
