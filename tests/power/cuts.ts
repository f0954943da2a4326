/**
 * Where the power may go, and what is on the disk then. The device's promise is that of a disk with a volatile cache: what was complete
 * before a flush, and what was written with FUA, is there. Of all that came later any part may be there, in any combination, and a
 * write may have reached the medium in part: a sector of 512 bytes is whole, nothing larger is.
 */

import type { Rng } from "../sim/rng.ts";
import type { LogEntry } from "./log.ts";

/** Sectors [`from`, `from` + `count`) of the write at `entry` reached the disk. */
export interface Piece {
  readonly entry: number;
  readonly from: number;
  readonly count: number;
}

export interface Cut {
  /** For people, and to find it again. */
  readonly name: string;
  /** Every write of the entries before this one is on the disk. */
  readonly durable: number;
  /** What else is, in the order of the log. */
  readonly pieces: readonly Piece[];
}

/** The disk right after each flush that follows a write, in order, the beginning and the end included. */
export function boundaries(entries: readonly LogEntry[]): readonly Cut[] {
  const at = [0];
  let dirty = false;
  for (const [index, { kind }] of entries.entries()) {
    if (kind === "write") dirty = true;
    if (kind === "flush" && dirty) at.push(index + 1);
    if (kind === "flush") dirty = false;
  }
  if (dirty) at.push(entries.length);
  return at.map((durable) => ({ name: `flush ${durable}`, durable, pieces: [] }));
}

/** Entries between two flushes: writes at indices [from, to) with no flush among them. */
interface Epoch {
  readonly from: number;
  readonly to: number;
}

function epochs(entries: readonly LogEntry[]): readonly Epoch[] {
  const found: Epoch[] = [];
  let from = 0;
  for (const [index, { kind }] of [...entries, { kind: "flush" as const }].entries()) {
    if (kind !== "flush") continue;
    if (entries.slice(from, index).some((entry) => entry.kind === "write")) found.push({ from, to: index });
    from = index + 1;
  }
  return found;
}

/**
 * `count` random cuts, sorted by what is durable. Half of them are spread over the writes, so that large ones do not hide, half over
 * the times between two flushes, so that the short ones count: those are where a protocol is decided.
 */
export function randomCuts(entries: readonly LogEntry[], rng: Rng, count: number): readonly Cut[] {
  const all = epochs(entries);
  if (all.length === 0) return [];
  const byWrite = all.flatMap((epoch) => Array.from({ length: epoch.to - epoch.from }, () => epoch));
  const cuts = Array.from({ length: count }, (_, index) => {
    const draw = rng.fork(`cut ${index}`);
    return randomCut(entries, draw.pick(draw.chance(0.5) ? all : byWrite), draw, `random ${index}`);
  });
  return cuts.toSorted((a, b) => a.durable - b.durable);
}

function randomCut(entries: readonly LogEntry[], { from, to }: Epoch, rng: Rng, name: string): Cut {
  const end = from + 1 + rng.below(to - from);
  // Extremes are likely: nothing but one write, everything but one.
  const [kept, torn] = [rng.pick([0.05, 0.25, 0.5, 0.75, 0.95, 1]), rng.pick([0, 0.2, 0.6])];
  const pieces: Piece[] = [];
  for (let index = from; index < end; index += 1) {
    const entry = entries[index];
    if (entry?.kind !== "write") continue;
    const { sectors, fua } = entry;
    if (fua) pieces.push({ entry: index, from: 0, count: sectors });
    else if (rng.chance(kept)) {
      if (sectors > 1 && rng.chance(torn)) pieces.push(...tear(index, sectors, rng));
      else pieces.push({ entry: index, from: 0, count: sectors });
    }
  }
  return { name: `${name} of [${from}, ${end})`, durable: from, pieces };
}

/** A beginning of the write, its end, or any of its sectors. */
function tear(entry: number, sectors: number, rng: Rng): readonly Piece[] {
  const middle = 1 + rng.below(sectors - 1);
  switch (rng.below(3)) {
    case 0:
      return [{ entry, from: 0, count: middle }];
    case 1:
      return [{ entry, from: middle, count: sectors - middle }];
    default:
      return runs(Array.from({ length: sectors }, () => rng.chance(0.5))).map((run) => ({ entry, ...run }));
  }
}

function runs(chosen: readonly boolean[]): readonly Omit<Piece, "entry">[] {
  const found: { from: number; count: number }[] = [];
  for (const [index, taken] of chosen.entries()) {
    if (!taken) continue;
    const last = found.at(-1);
    if (last !== undefined && last.from + last.count === index) last.count += 1;
    else found.push({ from: index, count: 1 });
  }
  return found;
}
