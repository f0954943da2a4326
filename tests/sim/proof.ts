/**
 * The power-cut proof of updates: a campaign of {@link updateStory} on all processors, a process each.
 *
 *     bun tests/sim/proof.ts --seeds 5000000 [--from 1]
 *     bun tests/sim/proof.ts --seed 4711              one story, shrunken when it fails
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import * as v from "valibot";
import { campaign, explainFailure, play, shrunken } from "./campaign.ts";
import { sightings, updateRates, updateStory } from "./update-story.ts";

export const NAME = "an update";

/** `count` stories from seed `from` on. */
export interface Seeds {
  readonly from: number;
  readonly count: number;
}

export const Report = v.object({
  stories: v.number(),
  calls: v.number(),
  accidents: v.number(),
  /** Of one process. */
  seconds: v.number(),
  seen: v.record(v.string(), v.number()),
  /** What to do about the first failure, in words. */
  failure: v.nullable(v.string()),
});
export type Report = v.InferOutput<typeof Report>;

/** Seeds are 32 bits. */
const SEEDS_END = 2 ** 32;

/** Seeds that are others for each commit, and the same for everybody who looks at it; null: there is no commit to be asked. */
export function seedsOfCommit(count: number): Seeds | null {
  const git = Bun.spawnSync(["git", "rev-parse", "HEAD"], { cwd: import.meta.dir, stderr: "ignore" });
  const commit = git.stdout.toString().trim();
  return git.exitCode === 0 ? { from: Number.parseInt(commit.slice(0, 8), 16) % (SEEDS_END - count), count } : null;
}

const none: Report = { stories: 0, calls: 0, accidents: 0, seconds: 0, seen: {}, failure: null };

function sum(a: Report, b: Report): Report {
  const seen = { ...a.seen };
  for (const [what, times] of Object.entries(b.seen)) seen[what] = (seen[what] ?? 0) + times;
  return {
    stories: a.stories + b.stories,
    calls: a.calls + b.calls,
    accidents: a.accidents + b.accidents,
    seconds: a.seconds + b.seconds,
    seen,
    failure: a.failure ?? b.failure,
  };
}

/** A process lives for so many stories: what they leave behind in memory goes with it. */
const STORIES_EACH = 10_000;

/** Plays all seeds, or up to the first failure. `told` hears how far it is. */
export async function prove(seeds: readonly Seeds[], told: (so: Report) => void = () => {}): Promise<Report> {
  const waiting = seeds.flatMap(({ from, count }) =>
    Array.from({ length: Math.ceil(count / STORIES_EACH) }, (_, at) => ({
      from: from + at * STORIES_EACH,
      count: Math.min(STORIES_EACH, count - at * STORIES_EACH),
    })),
  );
  let all = none;
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && all.failure === null; next = waiting.shift()) {
      const report = await inProcess(next);
      all = sum(all, report);
      told(all);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return all;
}

async function inProcess({ from, count }: Seeds): Promise<Report> {
  const argv = [process.execPath, import.meta.path, "--worker", "--from", String(from), "--seeds", String(count)];
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "inherit" });
  const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (code !== 0) return { ...none, failure: `the process for ${count} seeds from ${from} on ended with ${code}` };
  return v.parse(Report, JSON.parse(text));
}

function* counted({ from, count }: Seeds): Generator<number> {
  for (let seed = from; seed < from + count; seed += 1) yield seed;
}

async function playSome(seeds: Seeds, shrinks: boolean): Promise<Report> {
  const { failure, ...played } = await campaign(NAME, updateStory, updateRates, counted(seeds));
  const smallest = failure === null || !shrinks ? failure : await shrunken(updateStory, failure);
  const words = smallest === null ? null : explainFailure(NAME, smallest);
  return { ...played, seen: Object.fromEntries(sightings), failure: words };
}

/** Null: the story holds. */
export async function playOne(seed: number): Promise<string | null> {
  const { failure } = await play(updateStory, updateRates, { seed, accidents: null });
  return failure === null ? null : explainFailure(NAME, await shrunken(updateStory, failure));
}

export function summary({ stories, calls, accidents }: Report, seconds: number): string {
  const rate = Math.round(stories / seconds);
  return `${NAME}: ${stories} stories, ${calls} calls, ${accidents} accidents, ${seconds.toFixed(0)} s, ${rate}/s`;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      worker: { type: "boolean", default: false },
      plain: { type: "boolean", default: false },
      seed: { type: "string" },
      seeds: { type: "string", default: "100000" },
      from: { type: "string", default: "1" },
    },
  });
  if (values.seed !== undefined) {
    const failure = await playOne(Number(values.seed));
    console.log(failure ?? `seed ${values.seed} holds`);
    return failure === null;
  }
  const seeds = { from: Number(values.from), count: Number(values.seeds) };
  if (values.worker) {
    console.log(JSON.stringify(await playSome(seeds, !values.plain)));
    return true;
  }
  console.log(`seeds ${seeds.from} to ${seeds.from + seeds.count - 1}`);
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  const report = await prove([seeds], (so) => console.log(summary(so, seconds())));
  for (const [what, times] of Object.entries(report.seen).sort()) console.log(`  ${what}: ${times}`);
  console.log(report.failure ?? "every story holds");
  return report.failure === null;
}

if (import.meta.main) process.exit((await main()) ? 0 : 1);
