import { describe, expect, test } from "bun:test";
import { campaign, explainFailure, mustHold, play, type Story, shrunken } from "./campaign.ts";
import { simulatedDisk } from "./disk.ts";
import { CUT, type Rates } from "./power.ts";
import { newRng } from "./rng.ts";
import { shrink } from "./shrink.ts";

describe("chance", () => {
  test("is the same for one seed and another for the next", () => {
    const draw = (seed: number): readonly number[] => {
      const rng = newRng(seed);
      return Array.from({ length: 20 }, () => rng.below(1_000));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(new Set([draw(0), draw(1), draw(2)].map(String)).size).toBe(3);
  });

  test("of a fork depends on its name and the seed, not on what was drawn", () => {
    const [fresh, used] = [newRng(7), newRng(7)];
    used.bytes(100);
    expect(used.fork("a").unit()).toBe(fresh.fork("a").unit());
    expect(fresh.fork("a").unit()).not.toBe(fresh.fork("b").unit());
    expect(fresh.fork("a").unit()).not.toBe(newRng(8).fork("a").unit());
  });

  test("is even", () => {
    const rng = newRng(1);
    const counts = new Array<number>(10).fill(0);
    for (let count = 0; count < 100_000; count += 1) {
      const drawn = rng.below(10);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});

/** Fails when a cut comes at or after the tenth call and an error came before it. */
const fragile: Story = async ({ rng, power }) => {
  const storage = simulatedDisk(rng.fork("storage"), power);
  let failures = 0;
  const ended = await power.run(async () => {
    const disk = storage.mount();
    for (let count = 0; count < 100; count += 1) if (!(await disk.list("test", "/")).ok) failures += 1;
  });
  if (ended === CUT && failures > 0 && power.trace.length > 10) throw new Error("as planned");
};
const rates: Rates = { cut: 0.01, noSpace: 0.05, io: 0.1 };

describe("a failure", () => {
  test("is shrunken to the accidents it takes, as early as they may be", async () => {
    const { failure } = await campaign("fragile", fragile, rates, [1, 2, 3, 4, 5]);
    if (failure === null) throw new Error("no failure in five seeds");
    expect(failure.accidents.length).toBeGreaterThan(2);
    expect((await shrunken(fragile, failure)).accidents).toEqual([
      { at: 0, kind: "io" },
      { at: 10, kind: "cut", moment: "before" },
    ]);
  });

  test("says how to repeat it, and does repeat", async () => {
    const found = await campaign("fragile", fragile, rates, [1, 2, 3, 4, 5]);
    if (found.failure === null) throw new Error("no failure in five seeds");
    const { seed, accidents } = found.failure;
    expect(explainFailure("fragile", found.failure)).toContain(`SEED=${seed}`);
    expect((await play(fragile, rates, { seed, accidents: null })).failure).toEqual(found.failure);
    expect((await play(fragile, rates, { seed, accidents })).failure?.accidents).toEqual(accidents);
    expect(mustHold("fragile", fragile, rates, [seed])).rejects.toThrow("as planned");
  });

  test("is what comes first from the list of regressions", async () => {
    let [first, count]: [number | null, number] = [null, 0];
    await campaign(
      "putObject",
      async ({ rng }) => {
        first ??= rng.seed;
        count += 1;
      },
      rates,
      [1, 2],
    );
    expect([first, count]).toEqual([4409, 3]);
  });

  test("shrinks greedily to where nothing smaller fails", async () => {
    const smaller = (of: number): number[] => [Math.floor(of / 2), of - 1].filter((one) => one < of && one >= 0);
    expect(await shrink(1_000, smaller, async (candidate) => candidate >= 37)).toBe(37);
    expect(await shrink(5, smaller, async () => false)).toBe(5);
  });
});
