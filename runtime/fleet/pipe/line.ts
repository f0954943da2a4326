import * as v from "valibot";
import { err, ok, type Result } from "../../result.ts";

/** Longer lines are not taken. A state with a hundred containers has 10 KiB. */
export const LINE_BYTES_MAX = 256 * 1024;

/** Of log lines in one message, their ends included: written as JSON, as long as they can get, they fit into a line. */
export const LOG_LINES_BYTES_MAX = 96 * 1024;

export interface LineFault {
  readonly kind: "badLine";
  readonly why: string;
}

/** A line as a message of one of the two directions. */
export function readLine<S extends v.GenericSchema>(schema: S, line: string): Result<v.InferOutput<S>, LineFault> {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), line);
  return parsed.success ? ok(parsed.output) : err({ kind: "badLine", why: v.summarize(parsed.issues) });
}

/** A message as a line, its end included. */
export const writtenLine = (message: unknown): string => `${JSON.stringify(message)}\n`;
