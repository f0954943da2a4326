/**
 * The power-cut proof of updates: a campaign of one of the {@link stories} on all processors, a process each.
 *
 *     bun tests/sim/proof.ts --seeds 5000000 [--from 1] [--of "an update from a hub"]
 *     bun tests/sim/proof.ts --seed 4711              one story, shrunken when it fails
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import * as v from "valibot";
import { campaign, explainFailure, play, type Story, shrunken } from "./campaign.ts";
import { hubStory, sightings, updateRates, updateStory } from "./update-story.ts";

const stories = { "an update": updateStory, "an update from a hub": hubStory } as const satisfies Record<string, Story>;
export type Name = keyof typeof stories;
export const names = Object.keys(stories) as Name[];

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
export async function prove(
  name: Name,
  seeds: readonly Seeds[],
  told: (so: Report) => void = () => {},
): Promise<Report> {
  const waiting = seeds.flatMap(({ from, count }) =>
    Array.from({ length: Math.ceil(count / STORIES_EACH) }, (_, at) => ({
      from: from + at * STORIES_EACH,
      count: Math.min(STORIES_EACH, count - at * STORIES_EACH),
    })),
  );
  let all = none;
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && all.failure === null; next = waiting.shift()) {
      const report = await inProcess(name, next);
      all = sum(all, report);
      told(all);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return all;
}

async function inProcess(name: Name, { from, count }: Seeds): Promise<Report> {
  const seeds = ["--from", String(from), "--seeds", String(count)];
  const argv = [process.execPath, import.meta.path, "--worker", "--of", name, ...seeds];
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "inherit" });
  const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (code !== 0) return { ...none, failure: `the process for ${count} seeds from ${from} on ended with ${code}` };
  return v.parse(Report, JSON.parse(text));
}

function* counted({ from, count }: Seeds): Generator<number> {
  for (let seed = from; seed < from + count; seed += 1) yield seed;
}

async function playSome(name: Name, seeds: Seeds, shrinks: boolean): Promise<Report> {
  const story = stories[name];
  const { failure, ...played } = await campaign(name, story, updateRates, counted(seeds));
  const smallest = failure === null || !shrinks ? failure : await shrunken(story, failure);
  const words = smallest === null ? null : explainFailure(name, smallest);
  return { ...played, seen: Object.fromEntries(sightings), failure: words };
}

/** Null: the story holds. */
export async function playOne(name: Name, seed: number): Promise<string | null> {
  const story = stories[name];
  const { failure } = await play(story, updateRates, { seed, accidents: null });
  return failure === null ? null : explainFailure(name, await shrunken(story, failure));
}

export function summary(name: Name, { stories, calls, accidents }: Report, seconds: number): string {
  const rate = Math.round(stories / seconds);
  return `${name}: ${stories} stories, ${calls} calls, ${accidents} accidents, ${seconds.toFixed(0)} s, ${rate}/s`;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      worker: { type: "boolean", default: false },
      plain: { type: "boolean", default: false },
      seed: { type: "string" },
      seeds: { type: "string", default: "100000" },
      from: { type: "string", default: "1" },
      of: { type: "string", default: "an update" },
    },
  });
  const name = v.parse(v.picklist(names), values.of);
  if (values.seed !== undefined) {
    const failure = await playOne(name, Number(values.seed));
    console.log(failure ?? `seed ${values.seed} holds`);
    return failure === null;
  }
  const seeds = { from: Number(values.from), count: Number(values.seeds) };
  if (values.worker) {
    console.log(JSON.stringify(await playSome(name, seeds, !values.plain)));
    return true;
  }
  console.log(`${name}: seeds ${seeds.from} to ${seeds.from + seeds.count - 1}`);
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  const report = await prove(name, [seeds], (so) => console.log(summary(name, so, seconds())));
  for (const [what, times] of Object.entries(report.seen).sort()) console.log(`  ${what}: ${times}`);
  console.log(report.failure ?? "every story holds");
  return report.failure === null;
}

if (import.meta.main) process.exit((await main()) ? 0 : 1);
