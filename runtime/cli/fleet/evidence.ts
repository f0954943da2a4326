import * as v from "valibot";
import { printable } from "../table.ts";
import { whatFailed } from "../what-failed.ts";

/** What a device tells of a failure; what is odd or missing counts as absent, as it is shown and decides nothing. */
const loose = <T>(schema: v.GenericSchema<unknown, T>) => v.fallback(v.nullable(schema), null);
const Evidence = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    reason: loose(v.string()),
    message: loose(v.string()),
    container: loose(v.string()),
    exit: loose(v.union([v.object({ code: v.number() }), v.object({ signal: v.string() })])),
    lines: v.fallback(v.array(v.string()), []),
  }),
);

/** A line each: what failed, and the last lines of its log. */
export function evidenceLines(text: string): readonly string[] {
  const read = v.safeParse(Evidence, text);
  if (!read.success) return ["what the device tells of it is not understood"];
  return [...whatFailed(read.output), ...read.output.lines.map((line) => `| ${line}`)].map(printable);
}

export const evidenceText = (text: string): string => evidenceLines(text).join("\n");
