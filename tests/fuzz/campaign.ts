import { Dice } from "./dice.ts";

/** What no input may do to a reader. */
export const SLOWEST_MS = 100;
export const GROWTH_BYTES = 64 << 20;
/** Inputs before memory is measured first: by then the engine has compiled what it wants to. */
const WARM_UP = 2_000;

export type Input = string | Uint8Array;

/**
 * `threw`, `slow` and `grew` are seen by the campaign itself. The others by a target: `accepted` what must be refused, `inexact` what
 * was read is not what was written, `unexplained` a refusal without a sentence for people.
 */
export type Violation = "threw" | "slow" | "grew" | "accepted" | "inexact" | "unexplained";
export type Verdict = Violation | "fine" | "refused";

export type Look = () => Verdict;

/** A reader under test. */
export interface Target {
  readonly name: string;
  readonly draw: (dice: Dice) => Input;
  /** Reads an input, which is timed; the function that comes back looks at the result, which is not. */
  readonly read: (input: Input) => Look | Promise<Look>;
  /** The same reader with one planted defect each, beside those that every reader can have. */
  readonly planted: readonly (readonly [violation: Violation, target: Target])[];
}

export interface Report {
  readonly inputs: number;
  readonly accepted: number;
  readonly seconds: number;
  readonly slowestMs: number;
  readonly slowest: string;
  readonly growthBytes: number;
  /** The first of each kind, with its input where one input did it. */
  readonly violations: ReadonlyMap<Violation, string>;
}

export async function campaign(
  target: Target,
  {
    inputs,
    seed,
    untilFirst = false,
  }: { readonly inputs: number; readonly seed: number; readonly untilFirst?: boolean },
): Promise<Report> {
  const dice = new Dice(seed);
  const violations = new Map<Violation, string>();
  let [accepted, slowestMs, slowest] = [0, 0, ""];
  let before = settledBytes();
  const start = performance.now();
  for (let count = 0; count < inputs && !(untilFirst && violations.size > 0); count += 1) {
    if (count === Math.min(WARM_UP, inputs >> 1)) before = settledBytes();
    const input = target.draw(dice);
    const { ms, verdict } = await judge(target, input);
    if (ms > slowestMs) [slowestMs, slowest] = [ms, `input ${count} of ${input.length} characters`];
    if (verdict === "fine") accepted += 1;
    else if (verdict !== "refused" && !violations.has(verdict)) {
      violations.set(verdict, `input ${count}: ${shownInput(input)}`);
    }
  }
  const seconds = (performance.now() - start) / 1000;
  const growthBytes = settledBytes() - before;
  if (growthBytes > GROWTH_BYTES) violations.set("grew", `${growthBytes} bytes`);
  return { inputs, accepted, seconds, slowestMs, slowest, growthBytes, violations };
}

async function judge({ read }: Target, input: Input): Promise<{ ms: number; verdict: Verdict }> {
  let ms = 0;
  try {
    const clock = startClock();
    const look = await read(input);
    ms = clock();
    // The collector may have cleaned up after earlier inputs meanwhile: an input is slow only if it is slow three times more.
    for (let again = 0; again < 3 && ms > SLOWEST_MS; again += 1) {
      const repeat = startClock();
      await read(input);
      ms = Math.min(ms, repeat());
    }
    return { ms, verdict: ms > SLOWEST_MS ? "slow" : look() };
  } catch {
    return { ms, verdict: "threw" };
  }
}

/**
 * Milliseconds since the start, or less if this process had the processor for less: on a busy machine others' time is not the
 * reader's, and a reader neither waits nor sleeps.
 */
function startClock(): () => number {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const wallMs = performance.now() - wall;
    const { user, system } = process.cpuUsage(cpu);
    return Math.min(wallMs, (user + system) / 1000);
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const SENTENCE = /^[^\u0000-\u001f\u007f-\u009f]{15,20000}$/;

/** Of a refusal: is its sentence one line that a terminal can show? */
export const explained = (sentence: string): Verdict => (SENTENCE.test(sentence) ? "refused" : "unexplained");

const shownInput = (input: Input): string => {
  const text = typeof input === "string" ? input : Buffer.from(input).toString("latin1");
  return JSON.stringify(text.length > 2000 ? `${text.slice(0, 2000)}… (${text.length} characters)` : text);
};

/** Resident memory after everything that can be collected was. */
function settledBytes(): number {
  Bun.gc(true);
  return process.memoryUsage().rss;
}

const kept: Uint8Array[] = [];

function burn(ms: number): void {
  const clock = startClock();
  while (clock() < ms) JSON.parse("{}");
}

/** The target with something that it does when it accepts an input. */
const whenFine = (target: Target, act: () => void): Target => ({
  ...target,
  read: async (input) => {
    const look = await target.read(input);
    if (look() === "fine") act();
    return look;
  },
});

/** Targets with one planted defect each, and what a campaign must say of them: a detector that sees nothing proves nothing. */
const plantedIn = (target: Target): Target["planted"] => [
  [
    "threw",
    whenFine(target, () => {
      throw new Error("planted");
    }),
  ],
  ["slow", whenFine(target, () => burn(SLOWEST_MS + 20))],
  [
    "grew",
    {
      ...target,
      read: (input) => {
        kept.push(new Uint8Array(128 << 10).fill(1));
        return target.read(input);
      },
    },
  ],
  ...target.planted,
];

/** Which planted defects a campaign of this size does not see; wanted: none. */
export async function blindTo(target: Target, inputs: number, seed: number): Promise<readonly Violation[]> {
  const blind: Violation[] = [];
  for (const [violation, planted] of plantedIn(target)) {
    const { violations } = await campaign(planted, { inputs, seed, untilFirst: true });
    if (!violations.has(violation)) blind.push(violation);
  }
  kept.length = 0;
  return blind;
}
