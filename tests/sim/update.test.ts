import { expect, test } from "bun:test";
import { playOne, prove, seedsOfCommit, summary } from "./proof.ts";

const STORIES = 100_000;
/** Besides, what a hub adds to them. */
const STORIES_WITH_HUB = 8_000;
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
    if (SEED !== "") return expect(await playOne("an update", Number(SEED))).toBeNull();
    const count = SEEDS === "" ? STORIES : Number(SEEDS);
    // The same ones each time, so that a change is judged by its own faults; FRESH=1 takes half of them from the commit's id.
    const fresh = process.env["FRESH"] === "1" ? seedsOfCommit(Math.floor(count / 2)) : null;
    const fixed = { from: 1, count: count - (fresh?.count ?? 0) };
    const start = performance.now();
    const report = await prove("an update", fresh === null ? [fixed] : [fixed, fresh]);
    console.log(
      `${summary("an update", report, (performance.now() - start) / 1000)}, seeds from 1 and from ${fresh?.from ?? "1"} on`,
    );
    expect(report.failure).toBeNull();
    if (count >= STORIES) expect(Object.keys(report.seen)).toEqual(expect.arrayContaining(WANTED));
  },
  30 * MINUTES,
);

/** And these, when the revisions come from a hub. */
const WANTED_WITH_HUB = [
  "fetched from a hub",
  "hub hears done",
  "hub hears error",
  "hub hears wontgo",
  "swap",
  "trial by boot",
  "trial without a hub",
];

test(
  "an update from a hub survives them, too, and the hub hears what became of it",
  async () => {
    const { SEED = "" } = process.env;
    if (SEED !== "") return expect(await playOne("an update from a hub", Number(SEED))).toBeNull();
    const start = performance.now();
    const report = await prove("an update from a hub", [
      { from: 1, count: STORIES_WITH_HUB / 2 },
      { from: STORIES_WITH_HUB / 2 + 1, count: STORIES_WITH_HUB / 2 },
    ]);
    console.log(summary("an update from a hub", report, (performance.now() - start) / 1000));
    expect(report.failure).toBeNull();
    expect(Object.keys(report.seen)).toEqual(expect.arrayContaining(WANTED_WITH_HUB));
  },
  30 * MINUTES,
);
