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
    // The same ones each time, so that a change is judged by its own faults; FRESH=1 takes half of them from the commit's id.
    const fresh = process.env["FRESH"] === "1" ? seedsOfCommit(Math.floor(count / 2)) : null;
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
