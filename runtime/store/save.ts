import { basename, dirname } from "node:path";
import { err, ok, type Result } from "../result.ts";
import type { Disk, DiskError, DiskResult, NewFile, OpenFile } from "./disk.ts";

const FOLDER_MODE = 0o755;

const waiting = new WeakMap<Disk, Map<string, Promise<unknown>>>();

/** Runs tasks of one name one after the other: two writers of one temporary file would spoil each other's bytes. */
export function inOrder<T>(disk: Disk, name: string, task: () => Promise<T>): Promise<T> {
  const queue = waiting.get(disk) ?? new Map<string, Promise<unknown>>();
  waiting.set(disk, queue);
  const turn = (queue.get(name) ?? Promise.resolve()).then(task, task);
  queue.set(name, turn);
  const leave = (): void => {
    if (queue.get(name) === turn) queue.delete(name);
  };
  turn.then(leave, leave);
  return turn;
}

/** A removal that finds nothing to remove has done what it was to do. */
async function unlessMissing(removal: DiskResult<void>): DiskResult<void> {
  const gone = await removal;
  return gone.ok || gone.error.kind === "missing" ? ok(undefined) : gone;
}

/** Removes a file if it is there. */
export const unlinkIfThere = (disk: Disk, why: string, path: string): DiskResult<void> =>
  unlessMissing(disk.unlink(why, path));

async function createOver(disk: Disk, why: string, path: string, mode: number): DiskResult<NewFile> {
  const created = await disk.create(why, path, mode);
  if (created.ok || created.error.kind !== "exists") return created;
  const gone = await disk.unlink(why, path); // what a power cut left
  return gone.ok ? disk.create(why, path, mode) : gone;
}

/** Makes a temporary file, lets `fill` write it, fsyncs it. Whatever fails, the file is gone again and the first failure is returned. */
export async function writeTemporary<T, E>(
  disk: Disk,
  why: string,
  path: string,
  mode: number,
  fill: (file: NewFile) => Promise<Result<T, E>>,
): Promise<Result<T, E | DiskError>> {
  const created = await createOver(disk, why, path, mode);
  if (!created.ok) return created;
  const file = created.value;
  const written = await fillAndKeep(file, fill);
  if (!written.ok) await unlinkIfThere(disk, why, path); // failing too changes nothing: the next attempt removes it
  return written;
}

async function fillAndKeep<T, E>(
  file: NewFile,
  fill: (file: NewFile) => Promise<Result<T, E>>,
): Promise<Result<T, E | DiskError>> {
  const filled = await fill(file);
  const synced = filled.ok ? await file.fsync() : ok(undefined);
  const closed = await file.close();
  if (!filled.ok) return filled;
  if (!synced.ok) return synced;
  return closed.ok ? filled : closed;
}

/** Renames a temporary file onto its place; a failure removes it. The folder is not fsynced yet. */
export async function moveIntoPlace(disk: Disk, why: string, temporary: string, path: string): DiskResult<void> {
  const moved = await disk.rename(why, temporary, path);
  if (!moved.ok) await unlinkIfThere(disk, why, temporary);
  return moved;
}

/** `path` gets `bytes` in one step by way of `temporary`, which must be on the same file system. The folder is not fsynced yet. */
export async function replaceFile(
  disk: Disk,
  why: string,
  temporary: string,
  path: string,
  bytes: Uint8Array,
  mode: number,
): DiskResult<void> {
  const written = await writeTemporary(disk, why, temporary, mode, (file) => file.write(bytes));
  return written.ok ? moveIntoPlace(disk, why, temporary, path) : written;
}

/** New folders that could be neither made durable nor taken back. */
const doubtful = new WeakMap<Disk, Set<string>>();

/** Makes a new folder durable in its parent, or takes it back: else the next attempt would find it and take it for durable. */
async function keepFolder(disk: Disk, why: string, folder: string): DiskResult<void> {
  const kept = await disk.fsync(why, dirname(folder));
  const certain = kept.ok ? kept : await unlessMissing(disk.rmdir(why, folder));
  const doubts = doubtful.get(disk) ?? new Set();
  if (certain.ok) doubts.delete(folder);
  else doubtful.set(disk, doubts.add(folder));
  return kept;
}

/** Comes before a write at `path`: folders on the way there that an earlier attempt left in doubt are made durable or taken back. */
async function keepDoubtful(disk: Disk, why: string, path: string): DiskResult<void> {
  const doubts = doubtful.get(disk) ?? new Set();
  for (const folder of doubts) {
    if (!path.startsWith(`${folder}/`)) continue;
    const kept = await keepFolder(disk, why, folder);
    if (!kept.ok && doubts.has(folder)) return kept;
  }
  return ok(undefined);
}

/** mkdir -p in which every new folder is durable in its parent. A link to a folder counts as one here; see {@link makeFolders}. */
export async function makeWithParents(disk: Disk, why: string, folder: string): DiskResult<void> {
  let made = await disk.mkdir(why, folder, FOLDER_MODE);
  if (!made.ok && made.error.kind === "missing") {
    const parent = await makeWithParents(disk, why, dirname(folder));
    if (!parent.ok) return parent;
    made = await disk.mkdir(why, folder, FOLDER_MODE);
  }
  if (made.ok) return keepFolder(disk, why, folder);
  return made.error.kind === "exists" ? ok(undefined) : made;
}

/**
 * Writes a file so that after a power cut at any moment the old or the new bytes are there, whole: temporary file `.<name>.tmp`
 * beside it, fsync, rename, fsync of the folder. Missing folders are made and made durable. Calls for one path run in the order they
 * were made. On an error the old file stays and the temporary one is gone (except when only the folder's fsync failed: then the new
 * bytes are in place, but may not survive a power cut).
 */
export function saveFile(disk: Disk, why: string, path: string, bytes: Uint8Array, mode = 0o644): DiskResult<void> {
  return inOrder(disk, path, async () => {
    const certain = await keepDoubtful(disk, why, path);
    if (!certain.ok) return certain;
    const folder = dirname(path);
    const temporary = `${folder}/.${basename(path)}.tmp`;
    let placed = await replaceFile(disk, why, temporary, path, bytes, mode);
    if (!placed.ok && placed.error.kind === "missing") {
      const made = await makeWithParents(disk, why, folder);
      if (!made.ok) return made;
      placed = await replaceFile(disk, why, temporary, path, bytes, mode);
    }
    return placed.ok ? disk.fsync(why, folder) : placed;
  });
}

/**
 * Walks from `base`, which is trusted, down the folders of `relative`, and makes those that are missing if `make` is set. Nothing but
 * real folders will do: a symbolic link in a trail would lead our writes and checks elsewhere. The value is the last folder's path.
 */
export async function walkFolders(
  disk: Disk,
  why: string,
  base: string,
  relative: string,
  make: boolean,
): DiskResult<string> {
  const certain = make ? await keepDoubtful(disk, why, `${base}/${relative}/`) : ok(undefined);
  if (!certain.ok) return certain;
  let folder = base;
  for (const name of relative.split("/").filter((part) => part !== "")) {
    folder = `${folder}/${name}`;
    const found = await disk.stat(why, folder);
    if (found.ok) {
      if (found.value.type === "folder") continue;
      const kind = found.value.type === "symlink" ? "symlink" : "notFolder";
      return err({ kind, call: "stat", path: folder, why, code: `a ${found.value.type} where a folder must be` });
    }
    if (found.error.kind !== "missing" || !make) return found;
    const made = await disk.mkdir(why, folder, FOLDER_MODE);
    if (!made.ok && made.error.kind !== "exists") return made; // exists: made by another call meanwhile
    const kept = await keepFolder(disk, why, folder);
    if (!kept.ok) return kept;
  }
  return ok(folder);
}

/** {@link walkFolders} that makes what is missing, durably. */
export const makeFolders = (disk: Disk, why: string, base: string, relative: string): DiskResult<string> =>
  walkFolders(disk, why, base, relative, true);

/** Reads a whole regular file of at most `maxBytes`; `tooLarge` above that. */
export async function readFile(disk: Disk, why: string, path: string, maxBytes: number): DiskResult<Uint8Array> {
  const opened = await disk.open(why, path);
  if (!opened.ok) return opened;
  const file = opened.value;
  const bytes = await readOpen(file, maxBytes);
  const closed = await file.close();
  if (!bytes.ok) return bytes;
  if (!closed.ok) return closed;
  if (bytes.value !== null) return ok(bytes.value);
  return err({ kind: "tooLarge", call: "read", path, why, code: `larger than ${maxBytes} bytes` });
}

async function readOpen(file: OpenFile, maxBytes: number): DiskResult<Uint8Array | null> {
  const { sizeBytes } = file.info;
  if (sizeBytes > maxBytes) return ok(null);
  const into = new Uint8Array(sizeBytes);
  let filled = 0;
  while (filled < sizeBytes) {
    const read = await file.read(into.subarray(filled), filled);
    if (!read.ok) return read;
    if (read.value === 0) break; // became shorter meanwhile
    filled += read.value;
  }
  return ok(into.subarray(0, filled));
}
