import * as v from "valibot";
import { printable } from "../table.ts";
import { evidenceText } from "./evidence.ts";

/** Log lines as the hub's API shows them. */
export const LogLines = v.object({
  at: v.string(),
  kind: v.string(),
  revision: v.string(),
  command: v.nullable(v.number()),
  text: v.string(),
});
export type LogLines = v.InferOutput<typeof LogLines>;
export const LogLinesList = v.object({ logs: v.array(LogLines) });

/** Lines of a device, which must not steer the terminal of whoever reads them. Tabs stay. */
export const safeText = (text: string): string =>
  text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => line.split("\t").map(printable).join("\t"))
    .join("\n");

/** With a line before it that says what it is. */
export function logLinesText({ at, kind, revision, command, text }: LogLines): string {
  const isEvidence = kind === "evidence";
  const about = isEvidence ? `why revision ${revision} failed` : `revision ${revision}, command ${command}`;
  return `${printable(`== ${at}, ${about}`)}\n${isEvidence ? evidenceText(text) : safeText(text)}`;
}
