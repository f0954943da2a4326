import { quoted } from "../quoted.ts";
import type { JsonFault, JsonProblem } from "./json/index.ts";
import { limits } from "./limits.ts";
import type { StateWarning } from "./model.ts";

/** What a {@link Fault} is about; for callers that act on it and for tests. */
export type FaultKind =
  | "key" // a top-level key that is no plain relative path, or lies where the runtime keeps its own files
  | "folder" // a key that is also the folder of another key
  | "entry" // a value that is neither a digest nor inline JSON under a name that allows it
  | "shape" // a value of the wrong type or outside its range
  | "missing" // a required member
  | "file" // a file that is named but not part of the state
  | "name" // a container whose folder and name differ, or with an impossible name
  | "unknown" // a reference to a group, disk or service that does not exist
  | "clash" // two things with one name
  | "incomplete" // parts that only make sense together
  | "verity" // a dm-verity manifest that does not fit its volume
  | "tooMany"; // beyond a limit

/** One reason to refuse a state. `path` is the key and the place in its value: `web/run.json, storage.data`. */
export interface Fault {
  readonly kind: FaultKind;
  readonly path: string;
  /** What is there, shortened; for people. */
  readonly found: string;
  /** What would be accepted; for people. */
  readonly allowed: string;
}

/** Why a document is not a state that this runtime can run. */
export type StateError =
  | { readonly kind: "tooLarge"; readonly bytes: number; readonly bytesMax: number }
  | { readonly kind: "syntax"; readonly fault: JsonFault }
  /** `found`: the value of `#spec`; null when it is missing or no string. */
  | { readonly kind: "spec"; readonly found: string | null }
  /** At least one fault, in the order found; `more` counts those beyond the limit of 16. */
  | { readonly kind: "refused"; readonly faults: readonly Fault[]; readonly more: number };

/** Collects what parsers find, so that an author sees all faults at once and no parser needs to stop at the first. */
export class Findings {
  readonly faults: Fault[] = [];
  readonly warnings: StateWarning[] = [];
  private faultCount = 0;
  private warningCount = 0;

  get refused(): boolean {
    return this.faultCount > 0;
  }

  get faultsBeyond(): number {
    return this.faultCount - this.faults.length;
  }

  refuse(kind: FaultKind, path: string, found: string, allowed: string): void {
    this.faultCount += 1;
    if (this.faults.length < limits.faultsMax) this.faults.push({ kind, path, found, allowed });
  }

  warn(path: string, message: string): void {
    this.warningCount += 1;
    if (this.warningCount === limits.warningsMax)
      this.warnings.push({ path: "", message: "more warnings are left out" });
    if (this.warningCount < limits.warningsMax) this.warnings.push({ path, message });
  }
}

const SHOWN_CHARS = 80;

/** A value as people can read it in one line: JSON, shortened. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? quoted(shortened(value)) : JSON.stringify(value);
}

/** Names in quotes, the first ten of them. */
export const listed = (names: readonly string[]): string =>
  names.slice(0, 10).map(shown).join(", ") + (names.length > 10 ? ", …" : "");

export const shortened = (text: string): string =>
  text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS).toWellFormed()}…`;

/** The place inside a key's value: `web/run.json, storage.data`, `device.json, groups[0].timeout`. */
export function place(key: string, ...steps: readonly (string | number)[]): string {
  const inside = steps
    .map((step, at) => (typeof step === "number" ? `[${step}]` : `${at > 0 ? "." : ""}${printable(step)}`))
    .join("");
  return inside === "" ? printable(key) : `${printable(key)}, ${inside}`;
}

/** A name in one line of a log: shortened, and as {@link shown} without the quotes. */
const printable = (name: string): string => quoted(shortened(name)).slice(1, -1);

/** The sentence for people, and what they can do. */
export function explainState(error: StateError): string {
  switch (error.kind) {
    case "tooLarge":
      return `the state has ${error.bytes} bytes, at most ${error.bytesMax} are accepted: move large inline JSON into files`;
    case "syntax":
      return `the state is no valid JSON, ${explainJson(error.fault)}: correct the document; "pvr" and "cairn" write it canonically`;
    case "spec":
      return explainSpec(error.found);
    case "refused": {
      const sentences = error.faults.map(({ path, found, allowed }) => `${path}: found ${found}, wanted ${allowed}`);
      const more = error.more === 0 ? "" : `; and ${error.more} more`;
      return `the state is refused: ${sentences.join("; ")}${more}`;
    }
  }
}

function explainSpec(found: string | null): string {
  const wanted = '"#spec":"pantavisor-service-system@1"';
  if (found === null) return `the state does not say its format: it wants ${wanted}`;
  if (found === "pantavisor-multi-platform@1") {
    return `the state has the legacy format pantavisor-multi-platform@1, which this runtime does not run: convert it to ${wanted}`;
  }
  return `the state has the format ${shown(found)}, which this runtime does not know: it wants ${wanted}`;
}

function explainJson({ problem, line, column, path }: JsonFault): string {
  const [key, ...steps] = path;
  const where = `line ${line}, column ${column}${key === undefined ? "" : ` (${place(String(key), ...steps)})`}`;
  return `${where}: ${explainProblem(problem)}`;
}

function explainProblem(problem: JsonProblem): string {
  switch (problem.kind) {
    case "invalidUtf8":
      return "bytes that are not UTF-8";
    case "loneSurrogate":
      return "half of a surrogate pair, which is no character";
    case "byteOrderMark":
      return "a byte order mark, wanted the document itself";
    case "unexpected":
      return `found ${problem.found === null ? "the end of the document" : shown(problem.found)}, wanted ${problem.allowed}`;
    case "controlCharacter":
      return `a raw control character (code ${problem.code}) in a string, wanted its escape`;
    case "badEscape":
      return `found the escape ${shown(problem.found)}, wanted one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX`;
    case "badNumber":
      return `found ${shown(problem.found)}, wanted a value as JSON writes it`;
    case "inexactNumber":
      return `found the number ${shortened(problem.found)}, wanted one within ±9007199254740991 and at most ${limits.numberCharsMax} characters`;
    case "longNumber":
      return `found the number ${shortened(problem.found)}, wanted one whose digits fill at most ${limits.numberCharsMax} characters`;
    case "duplicateKey":
      return `the name ${shown(problem.key)} appears twice in one object`;
    case "tooDeep":
      return `nested deeper than ${problem.max} levels`;
    case "tooManyValues":
      return `more than ${problem.max} values`;
  }
}
