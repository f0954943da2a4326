import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Asking,
  asked,
  asking,
  came,
  deadline,
  mayCome,
  refused,
  silent,
} from "../../../runtime/fleet/datagrams/index.ts";
import type { Run } from "../../../runtime/fleet/sealed/index.ts";

const indicesOf = (runs: readonly Run[]): readonly number[] =>
  runs.flatMap(({ from, count }) => Array.from({ length: count }, (_, at) => from + at));

/** A fetch, and what it asked for since last time. */
class Scene {
  constructor(public state: Asking) {}
  ask(atMs = 0, most?: number): readonly number[] {
    const [after, runs] = asked(this.state, atMs, most);
    this.state = after;
    return indicesOf(runs);
  }
  came(...indices: readonly number[]): readonly boolean[] {
    return indices.map((index) => {
      const [after, useful] = came(this.state, index, 1_000);
      this.state = after;
      return useful;
    });
  }
}

describe("asking", () => {
  test("some are asked for, and the next when half of them are there", () => {
    const scene = new Scene(asking(2, 100, 0));
    expect(scene.ask()).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    scene.came(2, 3, 4);
    expect(scene.ask()).toEqual([]);
    scene.came(5);
    expect(scene.ask()).toEqual([10, 11, 12, 13]);
    expect(scene.state.next).toBe(6);
  });

  test("what was overtaken is lost, and comes first in the next request", () => {
    const scene = new Scene(asking(0, 100, 0));
    scene.ask();
    scene.came(0, 2, 3, 5);
    expect(scene.ask()).toEqual([1, 4, 8, 9, 10, 11]);
    expect(scene.state.next).toBe(1);
    scene.came(1, 4);
    expect(scene.state.next).toBe(6);
  });

  test("no more than sixteen are waited for behind one that is lacking", () => {
    const scene = new Scene(asking(0, 100, 0));
    for (let rounds = 0; rounds < 20; rounds += 1) {
      const wanted = scene.ask();
      expect(Math.max(0, ...wanted)).toBeLessThan(16);
      scene.came(...wanted.filter((index) => index !== 0));
    }
    expect(scene.state.early.size).toBe(15);
    expect(scene.came(0)).toEqual([true]);
    expect(scene.state.next).toBe(16);
  });

  test("what nobody waits for is of no use", () => {
    const scene = new Scene(asking(4, 6, 0));
    scene.ask();
    expect(scene.came(3, 6, 4_000_000, 4, 4, 5, 5)).toEqual([false, false, false, true, false, true, false]);
    expect(scene.ask()).toEqual([]);
  });

  test("a budget bounds how many are on their way", () => {
    const scene = new Scene(asking(0, 100, 0));
    expect(scene.ask(0, 0)).toEqual([]);
    expect(scene.ask(0, 3)).toEqual([0, 1, 2]);
    expect(scene.ask(0, 3)).toEqual([]);
  });

  test("silence makes it ask again, later each time; a cookie at once", () => {
    const scene = new Scene(asking(0, 100, 0));
    scene.ask(500);
    const waits: number[] = [];
    for (let tries = 0; tries < 5; tries += 1) {
      const atMs = deadline(scene.state);
      waits.push(atMs - scene.state.quietSinceMs);
      scene.state = silent(scene.state);
      // Two are enough to know when the link is back.
      expect(scene.ask(atMs)).toEqual(tries === 0 ? [0, 1, 2, 3, 4, 5, 6, 7] : [0, 1]);
    }
    expect(waits).toEqual([6_000, 12_000, 20_000, 20_000, 20_000]);
    scene.state = refused(scene.state);
    expect(scene.ask()).toEqual([0, 1]);
    scene.came(0);
    expect(scene.ask(1_000)).toEqual([2, 3, 4, 5, 6, 7, 8]);
    expect(deadline(scene.state)).toBe(1_000 + 6_000);
  });
});

test("what was taken for lost may come for a while, and each that comes leaves less", () => {
  const scene = new Scene(asking(0, 100, 0));
  const indices = (atMs: number): readonly number[] => mayCome(scene.state, atMs).map(({ index }) => index);
  scene.ask(0, 3);
  scene.state = silent(scene.state);
  scene.ask(6_000, 3);
  expect(indices(6_000)).toEqual([0, 1, 2, 0, 1, 2]);
  expect(scene.came(1)).toEqual([true]);
  expect(indices(6_000)).toEqual([2, 0, 1, 2]);
  expect(scene.came(1)).toEqual([false]);
  expect(indices(6_000)).toEqual([2]);
  expect(indices(21_000)).toEqual([]);
  expect(mayCome(refused(scene.state), 6_000)).toEqual([]);
});

test("whatever is lost, repeated and overtaken, every block comes once in its turn", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.infiniteStream(fc.nat(99)), (end, luck) => {
      const scene = new Scene(asking(0, end, 0));
      const wire: number[] = [];
      const useful: number[] = [];
      const draw = (): number => luck.next().value ?? 0;
      for (let steps = 0; scene.state.next < end; steps += 1) {
        expect(steps).toBeLessThan(50_000);
        for (const index of scene.ask()) if (draw() >= 20) wire.push(index, ...(draw() < 10 ? [index] : []));
        if (wire.length === 0) {
          scene.state = silent(scene.state);
          continue;
        }
        const [index = 0] = wire.splice(draw() < 10 ? draw() % wire.length : 0, 1);
        if (scene.came(index)[0]) useful.push(index);
        expect(scene.state.asked.length).toBeLessThanOrEqual(8);
        expect(scene.state.early.size).toBeLessThan(16);
      }
      expect(useful.toSorted((a, b) => a - b)).toEqual(Array.from({ length: end }, (_, at) => at));
    }),
  );
});
