import { constants, ftruncateSync, readdirSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { err, ok, type Result } from "../result.ts";

export type RotateError = { readonly kind: "rotate"; readonly path: string; readonly why: string };

/** One step: read, compress, write so much. A gzip file may have many members one after the other (RFC 1952, 2.2), so each step
 *  makes one and nothing is carried over: constant memory, and a few milliseconds at a time. */
const STEP_BYTES = 64 * 1024;
/** A file that grows while it is being copied is followed no further than this many times its size at the start. */
const GROWTH_MAX = 2;
/** What came in during the last asynchronous step is at most a few lines, unless a writer runs wild. */
const LAST_STEPS = 4;

/** The number after the highest archive that is there. */
function nextNumber(path: string): number {
  const name = basename(path);
  let highest = 0;
  for (const entry of readdirSync(dirname(path))) {
    if (!entry.startsWith(`${name}.`)) continue;
    const number = /^(\d{1,9})\.gz$/.exec(entry.slice(name.length + 1))?.[1];
    if (number !== undefined) highest = Math.max(highest, Number(number));
  }
  return highest + 1;
}

/** Compresses from the start of `log` on, until it has caught up with its writers; gives how far it came. */
async function compress(log: FileHandle, archive: FileHandle): Promise<number> {
  const chunk = Buffer.allocUnsafe(STEP_BYTES);
  const limit = (await log.stat()).size * GROWTH_MAX;
  let at = 0;
  while (at < limit) {
    const { bytesRead } = await log.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) break;
    await archive.appendFile(Bun.gzipSync(chunk.subarray(0, bytesRead)));
    at += bytesRead;
  }
  return at;
}

/** The last bytes, and the truncation right behind them: no call of this process can come in between. */
function finish(log: number, archive: number, from: number): void {
  const chunk = Buffer.allocUnsafe(STEP_BYTES);
  for (let at = from; at - from < LAST_STEPS * STEP_BYTES; ) {
    const length = readSync(log, chunk, 0, chunk.length, at);
    if (length === 0) break;
    writeSync(archive, Bun.gzipSync(chunk.subarray(0, length)));
    at += length;
  }
  ftruncateSync(log, 0);
}

/**
 * Copies a log to `<path>.<n>.gz` and empties it. Its writers keep it open (liblxc's monitors do) and append (O_APPEND, in liblxc's
 * `log_open` and `lxc_terminal_create_log_file`), so they go on at its start. What a monitor appends between the last read and the
 * truncation, two system calls one after the other, is lost; lines of this process are not.
 */
export async function rotate(path: string): Promise<Result<{ readonly archive: string | null }, RotateError>> {
  let part: string | null = null;
  try {
    const stem = `${path}.${nextNumber(path)}`;
    part = `${stem}.part`;
    await using log = await open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const flags =
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND | constants.O_NOFOLLOW;
    await using archive = await open(part, flags, 0o640);
    const copied = await compress(log, archive);
    await archive.datasync(); // before the log is emptied: a power cut must leave one of the two
    renameSync(part, `${stem}.gz`);
    part = null;
    finish(log.fd, archive.fd, copied);
    return ok({ archive: `${stem}.gz` });
  } catch (thrown) {
    if (part !== null) rmSync(part, { force: true });
    return err({ kind: "rotate", path, why: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}
