import { expect, test } from "bun:test";
import { NobodyAnswers, openDatagramWay } from "../../../runtime/fleet/datagrams/index.ts";

const HOUR_MS = 3600_000;
const nobody = new NobodyAnswers("no datagram comes");

/** A way on which each fetch brings so many pieces, and ends as it is told. */
function scene() {
  const said = { nowMs: 0, fetched: 0 };
  const way = openDatagramWay<{ readonly pieces: number; readonly end: Error | null }>(
    async function* ({ pieces, end }) {
      said.fetched += 1;
      for (let piece = 0; piece < pieces; piece += 1) yield Uint8Array.of(piece);
      if (end !== null) throw end;
    },
    () => said.nowMs,
  );
  const fetch = (pieces: number, end: Error | null): Promise<number> =>
    Array.fromAsync(way.fetch({ pieces, end })).then(
      (all) => all.length,
      () => -1,
    );
  return { said, way, fetch };
}

test("a way on which nobody answers twice rests for a day, and is tried again then", async () => {
  const { said, way, fetch } = scene();
  expect(await fetch(0, nobody)).toBe(-1);
  expect(way.rests).toBe(false);
  expect(await fetch(0, nobody)).toBe(-1);
  expect(way.rests).toBe(true);
  expect([await fetch(3, null), said.fetched]).toEqual([-1, 2]);
  said.nowMs = 25 * HOUR_MS;
  expect(way.rests).toBe(false);
  expect([await fetch(3, null), said.fetched]).toEqual([3, 3]);
  expect(await fetch(0, nobody)).toBe(-1);
  expect(way.rests).toBe(false);
});

test("one on which something comes in between does not, nor for another reason", async () => {
  const { way, fetch } = scene();
  for (let round = 0; round < 5; round += 1) {
    await fetch(0, nobody);
    await fetch(1, nobody);
    expect(way.rests).toBe(false);
    await fetch(2, null);
    for (let times = 0; times < 3; times += 1) await fetch(0, new Error("there is no room in the budget"));
    expect(way.rests).toBe(false);
  }
});
