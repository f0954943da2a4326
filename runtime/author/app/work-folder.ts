/**
 * A container's folder while it changes: the new one is built beside it, out of sight, and takes its place in one step. Whatever goes
 * wrong before that leaves the old one as it was.
 */
import { err, ok, type Result } from "../../result.ts";
import { type Disk, type DiskError, type DiskResult, makeFolders, removeTree, saveFile } from "../../store/index.ts";
import type { AppError } from "./error.ts";

const WHY = "author/app";

export interface WorkFolder {
  readonly disk: Disk;
  /** Of the new folder. */
  readonly path: string;
  write(file: string, text: string): Promise<Result<void, AppError>>;
}

const diskError = (error: DiskError): Result<never, AppError> => err({ kind: "disk", error });

/** In the repository's own folder: same file system, and no part of the working copy. */
const workPath = (name: string): string => `.pvr/cairn/app-${name}`;

/**
 * Gives `fill` a new folder with the files that the container's old one has, except those that `replaced` names, and exchanges the two
 * when it succeeds. Files are shared by hard links and never written to.
 */
export async function replaceFolder<T>(
  disk: Disk,
  root: string,
  name: string,
  replaced: (file: string) => boolean,
  fill: (folder: WorkFolder) => Promise<Result<T, AppError>>,
): Promise<Result<T, AppError>> {
  const [path, target] = [`${root}/${workPath(name)}`, `${root}/${name}`];
  const ready = await prepare(disk, root, name, replaced);
  if (!ready.ok) return diskError(ready.error);
  const write = async (file: string, text: string): Promise<Result<void, AppError>> => {
    const saved = await saveFile(disk, WHY, `${path}/${file}`, new TextEncoder().encode(text));
    return saved.ok ? ok(undefined) : diskError(saved.error);
  };
  let filled: Result<T, AppError>;
  try {
    filled = await fill({ disk, path, write });
  } catch (error) {
    await removeTree(disk, WHY, path);
    throw error;
  }
  const placed = filled.ok ? await place(disk, root, path, target) : ok(undefined);
  const cleared = await removeTree(disk, WHY, path); // after an exchange: the old folder
  if (!filled.ok) return filled;
  if (!placed.ok) return diskError(placed.error);
  return cleared.ok ? filled : diskError(cleared.error);
}

async function prepare(disk: Disk, root: string, name: string, replaced: (file: string) => boolean): DiskResult<void> {
  const left = await removeTree(disk, WHY, `${root}/${workPath(name)}`); // what a killed command left
  if (!left.ok) return left;
  const made = await makeFolders(disk, WHY, root, workPath(name));
  return made.ok ? linkFiles(disk, `${root}/${name}`, made.value, "", replaced) : made;
}

/** A working copy has files and folders; whatever else lies there is no part of it and stays behind. */
async function linkFiles(
  disk: Disk,
  from: string,
  to: string,
  below: string,
  replaced: (file: string) => boolean,
): DiskResult<void> {
  const names = await disk.list(WHY, `${from}/${below}`);
  if (!names.ok) return names.error.kind === "missing" ? ok(undefined) : names;
  for (const name of names.value) {
    const file = `${below}${name}`;
    const info = await disk.stat(WHY, `${from}/${file}`);
    if (!info.ok) return info;
    const folder = info.value.type === "folder";
    if (replaced(file) || (!folder && info.value.type !== "file")) continue;
    const made = folder
      ? await disk.mkdir(WHY, `${to}/${file}`, 0o755)
      : await disk.link(WHY, `${from}/${file}`, `${to}/${file}`);
    if (!made.ok) return made;
    const inner = folder ? await linkFiles(disk, from, to, `${file}/`, replaced) : ok(undefined);
    if (!inner.ok) return inner;
  }
  return ok(undefined);
}

async function place(disk: Disk, root: string, path: string, target: string): DiskResult<void> {
  const durable = await disk.fsync(WHY, path);
  if (!durable.ok) return durable;
  const there = await disk.stat(WHY, target);
  if (!there.ok && there.error.kind !== "missing") return there;
  const moved = there.ok ? await disk.exchange(WHY, path, target) : await disk.rename(WHY, path, target);
  return moved.ok ? disk.fsync(WHY, root) : moved;
}

/** Every file in a container's folder by its path from there, sorted. */
export async function filesIn(disk: Disk, folder: string): Promise<Result<readonly string[], AppError>> {
  const files: string[] = [];
  const visit = async (below: string): DiskResult<void> => {
    const names = await disk.list(WHY, `${folder}/${below}`);
    if (!names.ok) return names;
    for (const name of names.value) {
      const info = await disk.stat(WHY, `${folder}/${below}${name}`);
      if (!info.ok) return info;
      if (info.value.type === "file") files.push(`${below}${name}`);
      const inner = info.value.type === "folder" ? await visit(`${below}${name}/`) : ok(undefined);
      if (!inner.ok) return inner;
    }
    return ok(undefined);
  };
  const visited = await visit("");
  return visited.ok ? ok(files.sort()) : diskError(visited.error);
}

/** Takes a container's folder away in one step, then removes it. */
export async function removeFolder(disk: Disk, root: string, name: string): Promise<Result<void, AppError>> {
  const path = `${root}/${workPath(name)}`;
  const ready = await removeTree(disk, WHY, path);
  if (!ready.ok) return diskError(ready.error);
  const made = await makeFolders(disk, WHY, root, ".pvr/cairn");
  if (!made.ok) return diskError(made.error);
  const moved = await disk.rename(WHY, `${root}/${name}`, path);
  if (!moved.ok) return diskError(moved.error);
  const gone = await disk.fsync(WHY, root);
  if (!gone.ok) return diskError(gone.error);
  const removed = await removeTree(disk, WHY, path);
  return removed.ok ? ok(undefined) : diskError(removed.error);
}
