import { explainState, parseState } from "../../runtime/state/index.ts";
import { Dice, mutant } from "./mutate.ts";
import { rebuilt } from "./rebuild.ts";
import { everything, state, vectors } from "./samples.ts";

/** What no input may do to the parser: the promise of the issue. */
export const SLOWEST_MS = 100;
export const GROWTH_BYTES = 64 << 20;
/** Inputs before memory is measured first: by then the engine has compiled what it wants to. */
const WARM_UP = 2_000;

export type Violation = "threw" | "slow" | "grew" | "accepted" | "inexact" | "unexplained";

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

/** The parser under test, or a planted bad one. */
export type Subject = typeof parseState;

export function campaign(
  subject: Subject,
  {
    inputs,
    seed,
    untilFirst = false,
  }: { readonly inputs: number; readonly seed: number; readonly untilFirst?: boolean },
): Report {
  const corpus = [...vectors().values(), state(everything), JSON.stringify(JSON.parse(state(everything)), null, 2)];
  const dice = new Dice(seed);
  const violations = new Map<Violation, string>();
  let [accepted, slowestMs, slowest] = [0, 0, ""];
  let before = settledBytes();
  const start = performance.now();
  for (let count = 0; count < inputs && !(untilFirst && violations.size > 0); count += 1) {
    if (count === Math.min(WARM_UP, inputs >> 1)) before = settledBytes();
    const input = mutant(dice, corpus);
    const { ms, verdict } = judge(subject, input);
    if (ms > slowestMs) [slowestMs, slowest] = [ms, `input ${count} of ${input.length} characters`];
    if (verdict === null || verdict === "fine") accepted += verdict === "fine" ? 1 : 0;
    else if (!violations.has(verdict)) violations.set(verdict, `input ${count}: ${shownInput(input)}`);
  }
  const seconds = (performance.now() - start) / 1000;
  const growthBytes = settledBytes() - before;
  if (growthBytes > GROWTH_BYTES) violations.set("grew", `${growthBytes} bytes`);
  return { inputs, accepted, seconds, slowestMs, slowest, growthBytes, violations };
}

/** Null: refused, as most inputs should be. */
function judge(subject: Subject, input: string | Uint8Array): { ms: number; verdict: Violation | "fine" | null } {
  let ms = 0;
  try {
    const clock = startClock();
    const result = subject(input);
    ms = clock();
    // The collector may have cleaned up after earlier inputs meanwhile: an input is slow only if it is slow three times more.
    for (let again = 0; again < 3 && ms > SLOWEST_MS; again += 1) {
      const repeat = startClock();
      subject(input);
      ms = Math.min(ms, repeat());
    }
    if (ms > SLOWEST_MS) return { ms, verdict: "slow" };
    if (!result.ok) return { ms, verdict: explained(explainState(result.error)) ? null : "unexplained" };
    if (!readable(input)) return { ms, verdict: "accepted" };
    return { ms, verdict: exact(result.value) ? "fine" : "inexact" };
  } catch {
    return { ms, verdict: "threw" };
  }
}

/**
 * Milliseconds since the start, or less if this process had the processor for less: on a busy machine others' time is not the
 * parser's, and a parser neither waits nor sleeps.
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
const explained = (sentence: string): boolean => /^the state [^\u0000-\u001f\u007f-\u009f]{15,20000}$/.test(sentence);

/** The oracle: what is accepted must be JSON to others too, and UTF-8. */
function readable(input: string | Uint8Array): boolean {
  try {
    const text =
      typeof input === "string" ? input : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input);
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}

function exact(value: Parameters<typeof rebuilt>[0]): boolean {
  try {
    return rebuilt(value) === value.text;
  } catch {
    return false;
  }
}

const shownInput = (input: string | Uint8Array): string => {
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
  while (clock() < ms) parseState("{}");
}

/** Parsers with one planted defect each, and what a campaign must say of them: a detector that sees nothing proves nothing. */
export const PLANTED: readonly (readonly [violation: Violation, subject: Subject])[] = [
  [
    "threw",
    (source, options) => {
      const result = parseState(source, options);
      if (result.ok && result.value.containers.length > 1) throw new Error("planted");
      return result;
    },
  ],
  [
    "slow",
    (source, options) => {
      const result = parseState(source, options);
      if (result.ok && result.value.containers.length > 1) burn(SLOWEST_MS + 20);
      return result;
    },
  ],
  [
    "grew",
    (source, options) => {
      kept.push(new Uint8Array(128 << 10).fill(1));
      return parseState(source, options);
    },
  ],
  [
    "accepted",
    (source, options) => {
      const result = parseState(source, options);
      return result.ok || result.error.kind !== "syntax" ? result : parseState(state({}));
    },
  ],
  [
    "inexact",
    (source, options) => {
      const result = parseState(source, options);
      if (!result.ok) return result;
      const entries = result.value.entries.map((entry) => ({
        ...entry,
        slice: { ...entry.slice, end: entry.slice.end + 1 },
      }));
      return { ok: true, value: { ...result.value, entries } };
    },
  ],
  [
    "unexplained",
    (source, options) => {
      const result = parseState(source, options);
      if (result.ok || result.error.kind !== "refused") return result;
      return {
        ok: false,
        error: { ...result.error, faults: [{ kind: "key", path: "\u001b[2J", found: "", allowed: "" }] },
      };
    },
  ],
];

/** Which planted defects a campaign of this size does not see; wanted: none. */
export function blindTo(inputs: number, seed: number): readonly Violation[] {
  const blind = PLANTED.flatMap(([violation, subject]) =>
    campaign(subject, { inputs, seed, untilFirst: true }).violations.has(violation) ? [] : [violation],
  );
  kept.length = 0;
  return blind;
}
