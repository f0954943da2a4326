import { constants, fstatSync, readSync } from "node:fs";
import { closeFd, openFd } from "../linux/index.ts";
import { safeLines } from "./line.ts";

/** At most so much is read from the end of one file. */
const READ_BYTES_MAX = 256 * 1024;
const COUNT_MAX = 1000;

/** The last `count` lines, at least one, of a file's last bytes. `whole`: the bytes are the whole file, so that its first line is complete. */
export function lastLinesOf(bytes: Uint8Array, count: number, whole: boolean): readonly string[] {
  const lines = new TextDecoder().decode(bytes).split("\n");
  if (!whole) lines.shift();
  if (lines.at(-1) === "") lines.pop();
  return lines.slice(-count).flatMap(safeLines);
}

/** The last `count` lines (at most 1000) of a log, as evidence for a report: safe to show, oldest first; empty when it cannot be read. */
export function readLastLines(path: string, count: number): readonly string[] {
  const opened = openFd(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (!opened.ok || count <= 0) return [];
  try {
    const stat = fstatSync(opened.value);
    if (!stat.isFile()) return [];
    const from = Math.max(0, stat.size - READ_BYTES_MAX);
    const bytes = Buffer.alloc(stat.size - from);
    const length = readSync(opened.value, bytes, 0, bytes.length, from);
    return lastLinesOf(bytes.subarray(0, length), Math.min(count, COUNT_MAX), from === 0);
  } finally {
    closeFd(opened.value);
  }
}
