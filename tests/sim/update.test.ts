import { expect, test } from "bun:test";
import { playOne, prove, seedsOfCommit, summary } from "./proof.ts";

const STORIES = 100_000;
const MINUTES = 60_000;

/** What has to have happened, so that it can be said to hold. */
const WANTED = [
  "ERROR",
  "WONTGO",
  "boot given up",
  "boot without loader",
  "commit",
  "gone back",
  "offer accepted",
  "safe mode",
  "swap",
  "trial by boot",
];

test(
  "an update survives every power cut and every error",
  async () => {
    const { SEED = "", SEEDS = "" } = process.env;
    if (SEED !== "") return expect(await playOne(Number(SEED))).toBeNull();
    const count = SEEDS === "" ? STORIES : Number(SEEDS);
    const fresh = seedsOfCommit(Math.floor(count / 2));
    const fixed = { from: 1, count: count - (fresh?.count ?? 0) };
    const start = performance.now();
    const report = await prove(fresh === null ? [fixed] : [fixed, fresh]);
    console.log(
      `${summary(report, (performance.now() - start) / 1000)}, seeds from 1 and from ${fresh?.from ?? "1"} on`,
    );
    expect(report.failure).toBeNull();
    if (count >= STORIES) expect(Object.keys(report.seen)).toEqual(expect.arrayContaining(WANTED));
  },
  30 * MINUTES,
);
