import type { Copy } from "./copies.ts";

/**
 * Words of the base that are others in the target by rule, such as numbers of a table's entries behind a new one: of the 32-bit words (little-endian, at
 * every fourth byte of the file) between `start` and `end`, those from `low` on and below `high` whose lowest two bits are `tag` are `add` more.
 */
export interface Shift {
  readonly start: number;
  readonly end: number;
  readonly tag: number;
  readonly low: number;
  readonly high: number;
  readonly add: number;
}

/** In one patch. */
export const SHIFTS_MAX = 8;
const WORD = 4;

/** `bytes` are those of the base from byte `at` on, which is the first of a word; a word counts when all of it is there. The first shift that fits a word counts. */
export function shiftWords(bytes: Uint8Array, at: number, shifts: readonly Shift[]): void {
  const from = Math.min(...shifts.map(({ start }) => start));
  const to = Math.max(...shifts.map(({ end }) => end));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let word = Math.max(at, from); word < to && word + WORD <= at + bytes.length; word += WORD) {
    const value = view.getUint32(word - at, true);
    const shift = shifts.find((one) => fits(one, word, value));
    if (shift !== undefined) view.setUint32(word - at, value + shift.add, true);
  }
}

const fits = ({ start, end, tag, low, high }: Shift, word: number, value: number): boolean =>
  value >= low && value < high && value % WORD === tag && word >= start && word < end;

/** Beyond that, numbers are no places in anything. */
const [ADD_MAX, VALUE_MAX] = [1 << 20, 1 << 24];
/** What a shift saves, at least, in words. */
const GAIN_MIN = 256;
/** Hits that lie apart from all others are chance. */
const STRAY = 0.002;

/** Shifts after which more words of the base are like the target's, the one that brings most first. */
export function findShifts(base: Uint8Array, target: Uint8Array, copies: readonly Copy[]): readonly Shift[] {
  const words = new Words(base, target, copies);
  const counts = new Int32Array(2 * ADD_MAX);
  words.each(0, base.length, (_, value, other) => {
    const add = other - value;
    if (add !== 0 && add > -ADD_MAX && add < ADD_MAX) counts[add + ADD_MAX] = (counts[add + ADD_MAX] ?? 0) + 1;
  });
  const adds: { readonly add: number; readonly count: number }[] = [];
  counts.forEach((count, at) => {
    if (count >= GAIN_MIN) adds.push({ add: at - ADD_MAX, count });
  });
  const scores = new Int32Array(VALUE_MAX / WORD); // by value, for one after the other
  return adds
    .toSorted((a, b) => b.count - a.count)
    .slice(0, SHIFTS_MAX)
    .map(({ add }) => best(words, base.length, add, scores.fill(0)))
    .filter((found) => found !== null)
    .toSorted((a, b) => b.gain - a.gain)
    .map(({ shift }) => shift);
}

/** Where and for which values it is right most often, against where it is wrong. */
function best(
  words: Words,
  baseBytes: number,
  add: number,
  scores: Int32Array,
): { readonly shift: Shift; readonly gain: number } | null {
  const places: number[] = [];
  const tags = [0, 0, 0, 0];
  words.each(0, baseBytes, (word, value, other) => {
    if (other - value !== add || value >= VALUE_MAX) return;
    places.push(word);
    tags[value % WORD] = (tags[value % WORD] ?? 0) + 1;
  });
  const stray = Math.floor(places.length * STRAY);
  const [first, last] = [places[stray], places[places.length - 1 - stray]];
  if (first === undefined || last === undefined) return null;
  const [start, end, tag] = [first, last + WORD, tags.indexOf(Math.max(...tags))];
  words.each(start, end, (_, value, other) => {
    if (value >= VALUE_MAX || value % WORD !== tag) return;
    const bucket = (value - tag) / WORD;
    scores[bucket] = (scores[bucket] ?? 0) + (other - value === add ? 1 : -1);
  });
  const { from, to, sum } = heaviest(scores);
  if (sum < GAIN_MIN) return null;
  return { shift: { start, end, tag, low: from * WORD, high: to * WORD, add }, gain: sum };
}

/** The stretch with the greatest sum (J. Kadane's way, as in Bentley, Programming Pearls, 1984). */
function heaviest(scores: Int32Array): { readonly from: number; readonly to: number; readonly sum: number } {
  let found = { from: 0, to: 0, sum: 0 };
  let [from, sum] = [0, 0];
  scores.forEach((score, at) => {
    sum += score;
    if (sum > found.sum) found = { from, to: at + 1, sum };
    if (sum < 0) [from, sum] = [at + 1, 0];
  });
  return found;
}

/** Words of the base beside those that copies have in their place. */
class Words {
  private readonly base: DataView;
  private readonly target: DataView;

  constructor(
    base: Uint8Array,
    target: Uint8Array,
    private readonly copies: readonly Copy[],
  ) {
    this.base = new DataView(base.buffer, base.byteOffset, base.length);
    this.target = new DataView(target.buffer, target.byteOffset, target.length);
  }

  /** Of the base between `start` and `end`, in the order of the copies. */
  each(start: number, end: number, heed: (word: number, value: number, other: number) => void): void {
    for (const { from, to, length } of this.copies) {
      const apart = to - from;
      if (apart % WORD !== 0) continue;
      const stop = Math.min(from + length, end) - WORD;
      for (let word = Math.ceil(Math.max(from, start) / WORD) * WORD; word <= stop; word += WORD)
        heed(word, this.base.getUint32(word, true), this.target.getUint32(word + apart, true));
    }
  }
}
