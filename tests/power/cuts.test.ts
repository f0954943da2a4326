import { expect, test } from "bun:test";
import fc from "fast-check";
import { newRng } from "../sim/rng.ts";
import { boundaries, type Cut, randomCuts } from "./cuts.ts";
import type { LogEntry } from "./log.ts";

const write = (sector: number, sectors = 8, fua = false): LogEntry => ({
  kind: "write",
  sector,
  sectors,
  fua,
  dataAt: 0,
});
const flush: LogEntry = { kind: "flush" };

/** What each sector holds: the index of the entry that wrote it. */
function contents(entries: readonly LogEntry[], { durable, pieces }: Cut): ReadonlyMap<number, number> {
  const disk = new Map<number, number>();
  const put = (index: number, from: number, count: number): void => {
    const entry = entries[index];
    if (entry?.kind !== "write") throw new Error("no write");
    for (let at = from; at < from + count; at += 1) disk.set(entry.sector + at, index);
  };
  for (const [index, entry] of entries.entries())
    if (entry.kind === "write" && index < durable) put(index, 0, entry.sectors);
  for (const { entry, from, count } of pieces) put(entry, from, count);
  return disk;
}

test("every flush after a write is a boundary, and so are the beginning and the end", () => {
  const entries = [write(0), flush, flush, write(8), write(16), flush, write(24)];
  expect(boundaries(entries).map(({ durable }) => durable)).toEqual([0, 2, 6, 7]);
  expect(boundaries([])).toHaveLength(1);
});

const anyLog = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 12 }), fc.boolean()).map((w) => write(...w)),
    },
    { weight: 1, arbitrary: fc.constant(flush) },
  ),
  { maxLength: 30 },
);

/** Before what time a cut may have happened: the next flush was not complete. */
const lastFlush = (entries: readonly LogEntry[], before: number): number =>
  entries.slice(0, before).findLastIndex(({ kind }) => kind === "flush");

test("what was flushed, or written with FUA before the last of what is there, is never lost", () => {
  fc.assert(
    fc.property(anyLog, fc.nat(), (entries, seed) => {
      for (const cut of randomCuts(entries, newRng(seed), 20)) {
        expect(entries.slice(cut.durable).findIndex(({ kind }) => kind === "flush")).not.toBe(0);
        expect(lastFlush(entries, cut.durable + 1)).toBeLessThan(cut.durable);
        const end = (cut.pieces.at(-1)?.entry ?? cut.durable - 1) + 1;
        // No flush between what is durable and what else is there: it would have made all of that durable.
        expect(entries.slice(cut.durable, end).some(({ kind }) => kind === "flush")).toBe(false);
        const whole = new Set(cut.pieces.filter(({ from }) => from === 0).map(({ entry }) => entry));
        for (let index = cut.durable; index < end; index += 1) {
          const entry = entries[index];
          if (entry?.kind === "write" && entry.fua) expect(whole).toContain(index);
        }
        const disk = contents(entries, cut);
        for (const [index, entry] of entries.slice(0, cut.durable).entries()) {
          if (entry.kind !== "write") continue;
          for (let at = 0; at < entry.sectors; at += 1)
            expect(disk.get(entry.sector + at)).toBeGreaterThanOrEqual(index);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("pieces lie in their writes and come in the order of the log", () => {
  fc.assert(
    fc.property(anyLog, fc.nat(), (entries, seed) => {
      for (const { pieces } of randomCuts(entries, newRng(seed), 10)) {
        expect(pieces.map(({ entry }) => entry)).toEqual(pieces.map(({ entry }) => entry).toSorted((a, b) => a - b));
        for (const { entry, from, count } of pieces) {
          const of = entries[entry];
          expect(of?.kind === "write" && from >= 0 && count > 0 && from + count <= of.sectors).toBe(true);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("the same seed gives the same cuts, another one others", () => {
  const entries = Array.from({ length: 200 }, (_, index) => (index % 9 === 8 ? flush : write(index * 8)));
  const cuts = (seed: number) => randomCuts(entries, newRng(seed), 50);
  expect(cuts(5)).toEqual(cuts(5));
  expect(cuts(5)).not.toEqual(cuts(6));
});

test("a protocol that forgets a flush is caught, one that has it is not", () => {
  // The pointer (sector 0) must never lead to data (sectors 8 to 15) that are not all there.
  const good = [write(8), flush, write(0, 1), flush];
  const forgets = [write(8), write(0, 1), flush];
  const broken = (entries: readonly LogEntry[]): number =>
    randomCuts(entries, newRng(1), 500).filter((cut) => {
      const disk = contents(entries, cut);
      return disk.has(0) && [8, 9, 10, 11, 12, 13, 14, 15].some((sector) => !disk.has(sector));
    }).length;
  expect(broken(good)).toBe(0);
  expect(broken(forgets)).toBeGreaterThan(20);
});

test("writes are torn at sectors, and left out, and kept: all of it happens", () => {
  const entries = [write(0, 16), write(16, 16), write(32, 16), flush];
  const cuts = randomCuts(entries, newRng(3), 400);
  const kinds = new Set(
    cuts.flatMap(({ pieces }) =>
      pieces.map(({ from, count }) => (count === 16 ? "whole" : from === 0 ? "beginning" : "rest")),
    ),
  );
  expect([...kinds].sort()).toEqual(["beginning", "rest", "whole"]);
  expect(
    cuts.some(({ pieces }) => pieces.some(({ entry }) => entry === 2) && !pieces.some(({ entry }) => entry === 0)),
  ).toBe(true);
});
