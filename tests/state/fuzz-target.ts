import { explainState, parseState } from "../../runtime/state/index.ts";
import { explained, type Input, type Target, type Verdict } from "../fuzz/campaign.ts";
import { mutant } from "./mutate.ts";
import { rebuilt } from "./rebuild.ts";
import { everything, state, vectors } from "./samples.ts";

/** The parser under test, or a planted bad one. */
type Subject = typeof parseState;

const corpus = [...vectors().values(), state(everything), JSON.stringify(JSON.parse(state(everything)), null, 2)];

const target = (subject: Subject, planted: Target["planted"] = []): Target => ({
  name: "state",
  draw: (dice) => mutant(dice, corpus),
  read: (input) => {
    const result = subject(input);
    return (): Verdict => {
      if (!result.ok) {
        const sentence = explainState(result.error);
        return sentence.startsWith("the state ") ? explained(sentence) : "unexplained";
      }
      if (!readable(input)) return "accepted";
      return exact(result.value) ? "fine" : "inexact";
    };
  },
  planted,
});

/** The oracle: what is accepted must be JSON to others too, and UTF-8. */
export function readable(input: Input): boolean {
  try {
    const text =
      typeof input === "string" ? input : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input);
    JSON.parse(text);
    return true;
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

/** The parser of states, fed with mutants of real ones. */
export const stateTarget: Target = target(parseState, [
  [
    "accepted",
    target((source, options) => {
      const result = parseState(source, options);
      return result.ok || result.error.kind !== "syntax" ? result : parseState(state({}));
    }),
  ],
  [
    "inexact",
    target((source, options) => {
      const result = parseState(source, options);
      if (!result.ok) return result;
      const entries = result.value.entries.map((entry) => ({
        ...entry,
        slice: { ...entry.slice, end: entry.slice.end + 1 },
      }));
      return { ok: true, value: { ...result.value, entries } };
    }),
  ],
  [
    "unexplained",
    target((source, options) => {
      const result = parseState(source, options);
      if (result.ok || result.error.kind !== "refused") return result;
      return {
        ok: false,
        error: { ...result.error, faults: [{ kind: "key", path: "\u001b[2J", found: "", allowed: "" }] },
      };
    }),
  ],
]);
