import { invariant } from "../../result.ts";
import { type Cbor, writeCbor } from "./cbor.ts";
import { type Codec, turned, values } from "./codec.ts";
import { limits } from "./limits.ts";

/** A run of blocks: the first one's index, and how many. */
export interface BlockRange {
  readonly from: number;
  readonly count: number;
}

const wanted = `at most ${limits.rangesMax} runs of blocks, ascending and apart, up to block ${limits.blocksMax - 1}`;

/**
 * Runs of blocks, ascending and apart from each other. On the wire either numbers in turn, how many blocks are skipped and how many
 * are meant, or the index of the first block and a bitmap from it on, lowest bit first; whichever is smaller is written.
 */
export const blockRanges: Codec<readonly BlockRange[]> = turned(
  values,
  wanted,
  (wire) => {
    const ranges = ofSkips(wire) ?? ofBitmap(wire);
    return ranges !== null && inOrder(ranges) ? ranges : null;
  },
  (ranges) => {
    invariant(inOrder(ranges), wanted);
    const [skips, bitmap] = [skipsOf(ranges), bitmapOf(ranges)];
    return writeCbor(skips).length <= writeCbor(bitmap).length ? skips : bitmap;
  },
);

const endOf = (range: BlockRange | undefined): number => (range === undefined ? 0 : range.from + range.count);

const inOrder = (ranges: readonly BlockRange[]): boolean =>
  ranges.length <= limits.rangesMax &&
  ranges.every(({ from, count }, at) => count > 0 && (at === 0 ? from >= 0 : from > endOf(ranges[at - 1]))) &&
  endOf(ranges.at(-1)) <= limits.blocksMax;

const skipsOf = (ranges: readonly BlockRange[]): readonly Cbor[] =>
  ranges.flatMap(({ from, count }, at) => [from - endOf(ranges[at - 1]), count]);

function ofSkips(wire: readonly Cbor[]): readonly BlockRange[] | null {
  const ranges: BlockRange[] = [];
  for (let at = 0; at < wire.length; at += 2) {
    const [skip, count] = wire.slice(at, at + 2);
    if (typeof skip !== "number" || typeof count !== "number") return null;
    ranges.push({ from: endOf(ranges.at(-1)) + skip, count });
  }
  return ranges;
}

function bitmapOf(ranges: readonly BlockRange[]): readonly Cbor[] {
  const base = ranges[0]?.from ?? 0;
  const bits = new Uint8Array(Math.ceil((endOf(ranges.at(-1)) - base) / 8));
  for (const { from, count } of ranges) {
    for (let bit = from - base; bit < from - base + count; bit += 1) {
      bits[bit >> 3] = (bits[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
  }
  return [base, bits];
}

function ofBitmap(wire: readonly Cbor[]): readonly BlockRange[] | null {
  const [base, bits] = wire;
  if (wire.length !== 2 || typeof base !== "number" || !(bits instanceof Uint8Array)) return null;
  const ranges: { readonly from: number; count: number }[] = [];
  for (let bit = 0; bit < bits.length * 8; bit += 1) {
    if ((((bits[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 0) continue;
    const last = ranges.at(-1);
    if (last !== undefined && endOf(last) === base + bit) last.count += 1;
    else ranges.push({ from: base + bit, count: 1 });
  }
  return ranges;
}
