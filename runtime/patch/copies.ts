import { BaseIndex, equalRun, PLACES_A_TURN } from "./base-index.ts";

/** `length` bytes of the target from `to` on are much like those of the base from `from` on. */
export interface Copy {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** A run of equal bytes below this is not worth a copy of its own. */
export const RUN_MIN = 20;
/** By how many equal bytes a new place must be better than going on where the last copy was. */
export const BETTER_BY = 12;
/** Where differences are so many more than equal bytes, bytes are new ones; until there are so many more equal bytes again. */
const STRETCH_MIN = 24;
const STRETCH_ENDS = 8;
/** So long as the last copy goes on for this long, nothing else is looked for. */
const GOES_ON = 32;

/**
 * Copies by which the target is made from the base, in order, without overlap; what lies between is new. Differences within a copy are
 * tolerated as in bsdiff (C. Percival, Naive differences of executable code, 2003): a moved address changes few of its bytes.
 * Null comes every few milliseconds without a copy, for callers who let others work, too.
 */
export function* findCopies(base: Uint8Array, target: Uint8Array): Generator<Copy | null> {
  const index = new BaseIndex(base);
  yield* index.fill();
  let [lastTo, lastFrom] = [0, 0];
  let scan = 0;
  for (let looked = 1; scan < target.length; looked += 1) {
    if (looked % PLACES_A_TURN === 0) yield null;
    const offset = lastFrom - lastTo;
    // where the last copy goes on
    const on = scan + offset < base.length ? equalRun(base, scan + offset, target, scan) : 0;
    if (on >= GOES_ON) {
      scan += on;
      continue;
    }
    const { from, length } = index.longest(target, scan);
    if (length < RUN_MIN) {
      scan += 1;
      continue;
    }
    if (from === scan + offset) {
      scan += length;
      continue;
    }
    const score = equalBytes(base, target, scan, offset, length);
    if (length <= score + BETTER_BY) {
      scan += Math.max(1, length - RUN_MIN);
      continue;
    }
    const forward = extendForward(base, lastFrom, target, lastTo, scan);
    const backward = extendBackward(base, from, target, scan, lastTo);
    const overlap = lastTo + forward - (scan - backward);
    const keep = overlap > 0 ? split(base, target, scan - backward, overlap, offset, from - scan) : 0;
    const lastLength = overlap > 0 ? forward - overlap + keep : forward;
    const begin = overlap > 0 ? scan - backward + keep : scan - backward;
    yield* alike(base, target, { from: lastFrom, to: lastTo, length: lastLength });
    lastTo = begin;
    lastFrom = from - (scan - begin);
    scan += length;
  }
  const forward = extendForward(base, lastFrom, target, lastTo, target.length);
  yield* alike(base, target, { from: lastFrom, to: lastTo, length: forward });
}

/**
 * The copy without the stretches in the middle of it that have little in common with the base, such as another digest in the same place:
 * new bytes are shorter than as many differences.
 */
function* alike(base: Uint8Array, target: Uint8Array, { from, to, length }: Copy): Generator<Copy> {
  let begin = 0;
  let at = 0;
  // Equal bytes less differences: the highest so far, or where that fell far, the lowest since.
  let [score, top, topAt, low, lowAt] = [0, 0, 0, 0, 0];
  while (at < length) {
    const equal = Math.min(length - at, equalRun(base, from + at, target, to + at));
    at += equal;
    score += equal;
    if (top - low < STRETCH_MIN) {
      if (score >= top) {
        top = score;
        topAt = at;
        low = score;
      }
    } else if (score - low >= STRETCH_ENDS) {
      if (topAt > begin) yield { from: from + begin, to: to + begin, length: topAt - begin };
      begin = lowAt;
      top = score;
      topAt = at;
      low = score;
    }
    if (at === length) break;
    at += 1;
    score -= 1;
    if (score < low) {
      low = score;
      lowAt = at;
    }
  }
  const end = top - low >= STRETCH_MIN ? topAt : length;
  if (end > begin) yield { from: from + begin, to: to + begin, length: end - begin };
}

function equalBytes(base: Uint8Array, target: Uint8Array, to: number, offset: number, length: number): number {
  let equal = 0;
  const end = Math.min(to + length, base.length - offset);
  for (let at = to; at < end; at += 1) if (base[at + offset] === target[at]) equal += 1;
  return equal;
}

/** How far the last copy is to go on: as far as more than half of the bytes are equal. */
function extendForward(base: Uint8Array, from: number, target: Uint8Array, to: number, end: number): number {
  const longest = Math.min(end - to, base.length - from);
  let [score, best, bestLength] = [0, 0, 0];
  for (let at = 0; at < longest; ) {
    score += base[from + at] === target[to + at] ? 1 : -1;
    at += 1;
    if (score > best) {
      best = score;
      bestLength = at;
    }
  }
  return bestLength;
}

function extendBackward(base: Uint8Array, from: number, target: Uint8Array, to: number, begin: number): number {
  const longest = Math.min(to - begin, from);
  let [score, best, bestLength] = [0, 0, 0];
  for (let at = 1; at <= longest; at += 1) {
    score += base[from - at] === target[to - at] ? 1 : -1;
    if (score > best) {
      best = score;
      bestLength = at;
    }
  }
  return bestLength;
}

/** Of bytes that both copies claim: how many the earlier one keeps, so that most are equal. */
function split(
  base: Uint8Array,
  target: Uint8Array,
  to: number,
  length: number,
  earlier: number,
  later: number,
): number {
  let [score, best, keep] = [0, 0, 0];
  for (let at = to; at < to + length; at += 1) {
    if (base[at + earlier] === target[at]) score += 1;
    if (base[at + later] === target[at]) score -= 1;
    if (score > best) {
      best = score;
      keep = at - to + 1;
    }
  }
  return keep;
}
