import { deflateRawSync } from "node:zlib";
import { invariant } from "../../result.ts";
import { limits } from "../wire/index.ts";

const { logsBytesMax, logsTextBytesMax } = limits;

export interface LogBatch {
  readonly deflated: Uint8Array;
  /** How many of the lines are in it: the newest ones. */
  readonly lines: number;
}

/** The newest of the lines, as many as fit into `bytesMax` when they are deflated; null: not even one. */
export function deflatedLines(lines: readonly string[], bytesMax: number): LogBatch | null {
  const most = Math.min(bytesMax, logsBytesMax);
  const attempt = (count: number): Uint8Array =>
    deflate(
      lines
        .slice(-count)
        .map((line) => `${line}\n`)
        .join(""),
    );
  const none = deflate("");
  let best: LogBatch | null = lines.length === 0 && none.length <= most ? { deflated: none, lines: 0 } : null;
  let [low, high] = [0, newestWithin(lines)];
  // More lines are seldom shorter; should they be, fewer than could be are sent.
  while (low < high) {
    const count = (low + high + 1) >>> 1;
    const deflated = attempt(count);
    if (deflated.length <= most) {
      best = { deflated, lines: count };
      low = count;
    } else high = count - 1;
  }
  return best;
}

/** A text that always fits, such as a failure's evidence. */
export function deflatedText(text: string): Uint8Array {
  const deflated = deflate(text);
  invariant(deflated.length <= logsBytesMax, "what is sent as one batch fits into one");
  return deflated;
}

function newestWithin(lines: readonly string[]): number {
  let bytes = 0;
  for (let count = 0; count < lines.length; count += 1) {
    bytes += Buffer.byteLength(lines[lines.length - 1 - count] ?? "") + 1;
    if (bytes > logsTextBytesMax) return count;
  }
  return lines.length;
}

const deflate = (text: string): Uint8Array => new Uint8Array(deflateRawSync(text, { level: 9 }));
