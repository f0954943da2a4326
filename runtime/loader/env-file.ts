import { basename, dirname } from "node:path";
import { err, ok, type Result } from "../result.ts";
import { type Disk, type DiskError, makeFolders, readFile, writeTemporary } from "../store/index.ts";
import type { Format } from "./format.ts";
import type { LoaderError, LoaderResult } from "./model.ts";

const WHY = "loader/env";

/** A small file that a boot loader reads. */
export interface EnvFile<T> {
  readonly disk: Disk;
  readonly path: string;
  readonly format: Format<T>;
}

/** Beside the file: where the next content is made, and after the exchange the one before. */
const spareOf = (path: string): string => `${path}.next`;

/** Where a file is made that was not there: boot scripts read the spare in its stead, so one that is half made must not be called so. */
const firstOf = (path: string): string => `${path}.first`;

export const diskFailed = (error: DiskError): Result<never, LoaderError> => err({ kind: "disk", error });
export const onDisk = <T>(done: Result<T, DiskError>): Result<T, LoaderError> =>
  done.ok ? done : diskFailed(done.error);

/** null: not there. */
async function readOne<T>({ disk, format }: EnvFile<T>, path: string): LoaderResult<T | null> {
  const read = await readFile(disk, WHY, path, format.bytesMax);
  if (!read.ok) {
    if (read.error.kind === "missing") return ok(null);
    if (read.error.kind === "tooLarge") return err({ kind: "unreadable", path, problem: read.error.code });
    return diskFailed(read.error);
  }
  const decoded = format.decode(read.value);
  return decoded.ok ? decoded : err({ kind: "unreadable", path, problem: decoded.error });
}

/**
 * Reads the file. One that cannot be read, torn by who writes it in place for example, is stood in for by the spare, if that one reads:
 * it holds what was there before our last write, or what was to come. The error is always the file's own.
 */
export async function readEnv<T>(file: EnvFile<T>): LoaderResult<T> {
  const read = await readOne(file, file.path);
  if (read.ok && read.value !== null) return ok(read.value);
  if (read.ok) {
    const { missing } = file.format;
    return missing === null ? err({ kind: "unreadable", path: file.path, problem: "it is missing" }) : ok(missing);
  }
  const spare = await readOne(file, spareOf(file.path));
  return spare.ok && spare.value !== null ? ok(spare.value) : read;
}

async function isThere(disk: Disk, path: string): LoaderResult<boolean> {
  const info = await disk.stat(WHY, path);
  if (info.ok) return ok(true);
  return info.error.kind === "missing" ? ok(false) : diskFailed(info.error);
}

/** The bytes as a file of their own, durable and where a boot loader finds them. */
async function makeNext(disk: Disk, next: string, bytes: Uint8Array): LoaderResult<void> {
  const folder = dirname(next);
  const write = () => writeTemporary(disk, WHY, next, 0o644, (file) => file.write(bytes));
  let written = await write();
  if (!written.ok && written.error.kind === "missing") {
    const made = await makeFolders(disk, WHY, dirname(folder), basename(folder));
    if (!made.ok) return diskFailed(made.error);
    written = await write();
  }
  return written.ok ? atHome(disk, folder) : diskFailed(written.error);
}

/** What was done in the folder is durable, and where a reader finds it that does not replay the journal. */
async function atHome(disk: Disk, folder: string): LoaderResult<void> {
  const kept = await disk.fsync(WHY, folder);
  return onDisk(kept.ok ? await disk.settle(WHY, folder) : kept);
}

/** The spare takes the file's name. Its old content keeps the spare's, and so its inode stays alive for who finds the old name. */
async function takePlace(disk: Disk, path: string): LoaderResult<void> {
  const swapped = await disk.exchange(WHY, spareOf(path), path);
  if (swapped.ok || swapped.error.kind !== "unsupported") return onDisk(swapped);
  return onDisk(await disk.rename(WHY, spareOf(path), path));
}

async function readBack(disk: Disk, path: string, bytes: Uint8Array): LoaderResult<void> {
  const read = await readFile(disk, WHY, path, bytes.byteLength);
  if (!read.ok) return diskFailed(read.error);
  if (Buffer.compare(read.value, bytes) === 0) return ok(undefined);
  return err({ kind: "notWritten", path, problem: `${read.value.byteLength} other bytes` });
}

/** Files whose names may be exchanged in the journal only: the boot loader may still find what is the spare by now. */
const unsettled = new WeakMap<Disk, Set<string>>();

/** Nothing of the spare is touched while a boot loader may read it under the file's name. A boot replays the journal, so memory will do. */
async function settleBefore(disk: Disk, path: string): LoaderResult<void> {
  const paths = unsettled.get(disk) ?? new Set<string>();
  unsettled.set(disk, paths);
  const settled = paths.has(path) ? await atHome(disk, dirname(path)) : ok(undefined);
  if (settled.ok) paths.delete(path);
  return settled;
}

/**
 * Replaces the file in one step for a reader that does not replay the journal of ext4, as GRUB and U-Boot do not. rename(2) over the
 * old file would not do: the old inode is freed, and the block of the inode table may get home before that of the folder. So both
 * contents are at home before their names are exchanged, and only the folder's block changes then.
 */
export async function replaceEnv<T>({ disk, path, format }: EnvFile<T>, value: T): LoaderResult<void> {
  const bytes = format.encode(value);
  if (!bytes.ok) return err({ ...bytes.error, path });
  const ready = await settleBefore(disk, path);
  if (!ready.ok) return ready;
  const there = await isThere(disk, path);
  if (!there.ok) return there;
  const made = await makeNext(disk, there.value ? spareOf(path) : firstOf(path), bytes.value);
  if (!made.ok) return made;
  unsettled.get(disk)?.add(path);
  const placed = there.value ? await takePlace(disk, path) : onDisk(await disk.rename(WHY, firstOf(path), path));
  if (!placed.ok) return placed;
  const settled = await atHome(disk, dirname(path));
  if (!settled.ok) return settled;
  unsettled.get(disk)?.delete(path);
  return readBack(disk, path, bytes.value);
}
