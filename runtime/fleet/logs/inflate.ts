import { inflateRawSync } from "node:zlib";
import { err, ok, type Result } from "../../result.ts";
import { limits } from "../wire/index.ts";

export type LogsFault =
  /** Or it is more than a batch may hold: what little bytes grow to is not tried. */
  { readonly kind: "notDeflated" } | { readonly kind: "notText" };

export const explainLogs = (fault: LogsFault): string =>
  fault.kind === "notText"
    ? "log lines that are not UTF-8"
    : `log lines that do not inflate to ${limits.logsTextBytesMax} bytes at most`;

/** What a batch says. Never throws, and takes no more memory than the bound says. */
export function inflatedText(deflated: Uint8Array): Result<string, LogsFault> {
  let bytes: Uint8Array;
  try {
    bytes = inflateRawSync(deflated, { maxOutputLength: limits.logsTextBytesMax });
  } catch {
    return err({ kind: "notDeflated" });
  }
  try {
    return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return err({ kind: "notText" });
  }
}
