import { err, ok } from "../result.ts";
import type { Disk, DiskResult, FileInfo } from "./disk.ts";

/**
 * Removes everything in `base`, which stays; the value is how many bytes of file contents that gave back (files whose last name it was,
 * by their length). Containers made these trees, so nothing is believed of them: symbolic links are removed and not followed, and a
 * tree may be deeper than a path can be long. Each folder is therefore first moved up into `base` and then emptied, which needs
 * neither recursion nor long paths; in memory are the names of two folders. A folder of another file system is not touched
 * (`otherFileSystem`). What a power cut leaves is a tree with folders in odd places: only for what nobody will read again. Nothing is
 * fsynced.
 */
export async function emptyFolder(disk: Disk, why: string, base: string): DiskResult<number> {
  const top = await disk.stat(why, base);
  if (!top.ok) return top;
  const sweep: Sweep = { disk, why, base, device: top.value.device, raised: 0 };
  let freedBytes = 0;
  for (;;) {
    const names = await disk.list(why, base);
    if (!names.ok) return names;
    if (names.value.length === 0) return ok(freedBytes);
    for (const name of names.value) {
      const freed = await removeEntry(sweep, `${base}/${name}`, (folder) => removeFolder(sweep, folder));
      if (!freed.ok) return freed;
      freedBytes += freed.value;
    }
  }
}

/** Removes a folder with everything in it, a file, or a link; 0 when there is nothing. */
export async function removeTree(disk: Disk, why: string, path: string): DiskResult<number> {
  const info = await disk.stat(why, path);
  if (!info.ok) return info.error.kind === "missing" ? ok(0) : info;
  if (info.value.type !== "folder") return removeFile(disk, why, path, info.value);
  const freed = await emptyFolder(disk, why, path);
  if (!freed.ok) return freed;
  const gone = await disk.rmdir(why, path);
  return gone.ok ? freed : gone;
}

interface Sweep {
  readonly disk: Disk;
  readonly why: string;
  readonly base: string;
  readonly device: bigint;
  /** Folders moved up so far. */
  raised: number;
}

async function removeEntry(
  { disk, why, device }: Sweep,
  path: string,
  onFolder: (folder: string) => DiskResult<number>,
): DiskResult<number> {
  const info = await disk.stat(why, path);
  if (!info.ok) return info;
  if (info.value.type !== "folder") return removeFile(disk, why, path, info.value);
  if (info.value.device === device) return onFolder(path);
  return err({ kind: "otherFileSystem", call: "stat", path, why, code: "a file system is mounted there" });
}

async function removeFile(disk: Disk, why: string, path: string, info: FileInfo): DiskResult<number> {
  const gone = await disk.unlink(why, path);
  return gone.ok ? ok(info.type === "file" && info.links === 1 ? info.sizeBytes : 0) : gone;
}

/** Removes a folder directly in the base; the folders in it go up into the base. */
async function removeFolder(sweep: Sweep, folder: string): DiskResult<number> {
  const { disk, why } = sweep;
  const names = await disk.list(why, folder);
  if (!names.ok) return names;
  let freedBytes = 0;
  for (const name of names.value) {
    const freed = await removeEntry(sweep, `${folder}/${name}`, (inner) => raise(sweep, inner));
    if (!freed.ok) return freed;
    freedBytes += freed.value;
  }
  const gone = await disk.rmdir(why, folder);
  return gone.ok ? ok(freedBytes) : gone;
}

/** What rename(2) says when a name is taken; an empty folder of that name it replaces, which is as good. */
const TAKEN: ReadonlySet<string> = new Set(["exists", "notEmpty", "notFolder"]);

async function raise(sweep: Sweep, folder: string): DiskResult<number> {
  const { disk, why, base } = sweep;
  for (;;) {
    const moved = await disk.rename(why, folder, `${base}/.${sweep.raised++}`);
    if (moved.ok) return ok(0);
    if (!TAKEN.has(moved.error.kind)) return moved;
  }
}
