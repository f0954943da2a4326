import * as v from "valibot";
import { printable } from "../table.ts";
import { whatFailed } from "../what-failed.ts";
import { read } from "./tables.ts";

/**
 * What a device says about how a revision is getting on (reference 4.7), and the evidence that Cairn adds to a failure. Only the status
 * is needed: what is odd or missing in the rest counts as absent, as it is shown and decides nothing.
 */
const loose = <T>(schema: v.GenericSchema<unknown, T>) => v.fallback(v.nullable(schema), null);
const Exit = v.union([v.object({ code: v.number() }), v.object({ signal: v.union([v.number(), v.string()]) })]);
const Name = loose(v.string());
const Evidence = v.object({
  reason: loose(v.string()),
  message: loose(v.string()),
  container: loose(v.string()),
  exit: loose(Exit),
  lines: v.fallback(v.array(v.string()), []),
  loader: loose(v.object({ committed: Name, trial: Name, booted: Name })),
  at: loose(v.union([v.string(), v.number()])),
});
export const ProgressRecord = v.object({
  status: v.string(),
  "status-msg": v.fallback(v.string(), ""),
  progress: v.fallback(v.number(), 0),
  evidence: loose(Evidence),
});

export type ProgressRecord = v.InferOutput<typeof ProgressRecord>;
type Evidence = v.InferOutput<typeof Evidence>;

export const readProgressRecord = (body: string): ProgressRecord | null => read(ProgressRecord, body);

export type Outcome = "going" | "well" | "failed";

/** A status that this version does not know is one on the way. */
export function outcomeOf({ status }: Pick<ProgressRecord, "status">): Outcome {
  if (status === "DONE" || status === "UPDATED") return "well";
  return status === "ERROR" || status === "WONTGO" || status === "CANCELLED" ? "failed" : "going";
}

export const statusLine = ({ status, "status-msg": message }: ProgressRecord): string =>
  printable(message === "" ? status : `${status}: ${message}`);

/** The evidence of a failure for people, a line each; empty when there is none, as of the original's runtime. */
export function evidenceLines(evidence: Evidence | null): readonly string[] {
  if (evidence === null) return [];
  const { loader, at } = evidence;
  const lines = [...whatFailed(evidence)];
  if (at !== null) lines.push(`at ${timeText(at)}`);
  if (loader !== null) {
    const { committed, trial, booted } = loader;
    lines.push(
      `boot loader: committed ${committed ?? "none"}, on trial ${trial ?? "none"}, booted ${booted ?? "unknown"}`,
    );
  }
  lines.push(...evidence.lines.map((line) => `| ${line}`));
  return lines.map(printable);
}

/** Numbers are milliseconds since 1970. */
function timeText(at: string | number): string {
  if (typeof at === "string") return at;
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString().replace(/\.\d+Z$/, "Z");
}

const INDENT = "    ";

/** How a revision is getting on, and why it failed if it did. */
export function progressText(body: string): string | null {
  const record = readProgressRecord(body);
  if (record === null) return null;
  return [statusLine(record), ...failureLines(record)].join("\n");
}

export const failureLines = (record: ProgressRecord): readonly string[] =>
  outcomeOf(record) === "failed" ? evidenceLines(record.evidence).map((line) => `${INDENT}${line}`) : [];
