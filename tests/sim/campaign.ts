import { type Accident, calm, Power, type Rates } from "./power.ts";
import { regressionsOf } from "./regressions.ts";
import { newRng, type Rng } from "./rng.ts";
import { fewerAccidents, shrink } from "./shrink.ts";

/** What a story is played on. The story makes its disks from `rng` (`rng.fork("storage")`) and hangs them on `power`. */
export interface World {
  readonly rng: Rng;
  readonly power: Power;
}

/** Plays one life of a machine, several boots as a rule, and throws when something does not hold that must. */
export type Story = (world: World) => Promise<void>;

/** A story that can be told again: `accidents` null are drawn as the rates say. */
export interface Scenario {
  readonly seed: number;
  readonly accidents: readonly Accident[] | null;
}

export interface Failure {
  readonly seed: number;
  readonly accidents: readonly Accident[];
  readonly error: unknown;
  /** The last calls before it was noticed. */
  readonly calls: readonly string[];
}

export interface Played {
  readonly calls: number;
  readonly accidents: number;
  readonly failure: Failure | null;
}

const CALLS_SHOWN = 12;

export async function play(story: Story, rates: Rates, { seed, accidents }: Scenario): Promise<Played> {
  const rng = newRng(seed);
  const power = new Power(rng.fork("power"), accidents ?? rates);
  const played = (failure: Failure | null): Played => ({
    calls: power.trace.length,
    accidents: power.struck.length,
    failure,
  });
  try {
    await story({ rng, power });
    return played(null);
  } catch (error) {
    const calls = power.trace.slice(-CALLS_SHOWN).map(({ call, path, why }) => `${call} ${path} (${why})`);
    return played({ seed, accidents: [...power.struck], error, calls });
  }
}

/** The same failure with as few accidents as will do, as early as will do. */
export async function shrunken(story: Story, failure: Failure): Promise<Failure> {
  const replay = async (accidents: readonly Accident[]) =>
    (await play(story, calm, { seed: failure.seed, accidents })).failure;
  const accidents = await shrink(failure.accidents, fewerAccidents, async (fewer) => (await replay(fewer)) !== null);
  return (await replay(accidents)) ?? failure;
}

/** Seeds 1 to `count`; `SEEDS` is another count, `SEED` is one seed and no other. */
export function* seeds(count: number): Generator<number> {
  const { SEED = "", SEEDS = "" } = process.env;
  if (SEED !== "") return yield Number(SEED);
  const last = SEEDS === "" ? count : Number(SEEDS);
  for (let seed = 1; seed <= last; seed += 1) yield seed;
}

export interface Campaign {
  readonly stories: number;
  readonly calls: number;
  readonly accidents: number;
  readonly seconds: number;
  /** The first, not shrunken. */
  readonly failure: Failure | null;
}

/** Stories wait for nothing but promises: between some of them, time-outs and signals get their turn. */
const STORIES_WITHOUT_PAUSE = 100;

/** Plays what failed before, then a story for each seed, until the first failure. */
export async function campaign(name: string, story: Story, rates: Rates, from: Iterable<number>): Promise<Campaign> {
  const start = performance.now();
  let [stories, calls, accidents] = [0, 0, 0];
  let failure: Failure | null = null;
  for (const scenario of scenarios(name, from)) {
    const played = await play(story, rates, scenario);
    stories += 1;
    calls += played.calls;
    accidents += played.accidents;
    failure = played.failure;
    if (failure !== null) break;
    if (stories % STORIES_WITHOUT_PAUSE === 0) await Bun.sleep(0);
  }
  return { stories, calls, accidents, seconds: (performance.now() - start) / 1000, failure };
}

function* scenarios(name: string, from: Iterable<number>): Generator<Scenario> {
  for (const { seed, accidents } of regressionsOf(name)) yield { seed, accidents: accidents ?? null };
  for (const seed of from) yield { seed, accidents: null };
}

/** {@link campaign} that must not fail: throws the shrunken failure with how to repeat it; prints what was played. */
export async function mustHold(name: string, story: Story, rates: Rates, from: Iterable<number>): Promise<Campaign> {
  const held = await campaign(name, story, rates, from);
  if (held.failure !== null) throw new Error(explainFailure(name, await shrunken(story, held.failure)));
  const { stories, calls, accidents, seconds } = held;
  const rate = Math.round(stories / seconds);
  console.log(
    `${name}: ${stories} stories, ${calls} calls, ${accidents} accidents, ${seconds.toFixed(1)} s, ${rate}/s`,
  );
  return held;
}

export function explainFailure(name: string, { seed, accidents, error, calls }: Failure): string {
  const why = error instanceof Error ? error.message : String(error);
  return [
    `${name} does not hold with SEED=${seed} and ${JSON.stringify(accidents)}`,
    why,
    "last calls:",
    ...calls.map((call) => `  ${call}`),
    `for regressions.json: ${JSON.stringify({ story: name, seed, accidents, note: "" })}`,
  ].join("\n");
}
