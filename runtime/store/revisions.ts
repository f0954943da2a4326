import { dirname } from "node:path";
import { err, ok } from "../result.ts";
import { compareRevisionNames, factory, limits, parseRevisionName, type RevisionName } from "../state/index.ts";
import type { DiskResult } from "./disk.ts";
import { progressRecord, readProgress, writeProgress } from "./progress.ts";
import { inOrder, makeFolders, moveIntoPlace, readFile, saveFile, unlinkIfThere } from "./save.ts";
import { pvPath, type Store, statePath } from "./store.ts";

const WHY = "store/revision";

/** Every folder in `folder` with the name of a revision, hub revisions by number, then local ones; other names are passed over. */
export async function revisionsBelow({ disk, root }: Store, folder: string): DiskResult<readonly RevisionName[]> {
  const found: RevisionName[] = [];
  for (const [place, prefix] of [
    [folder, ""],
    [`${folder}/locals`, "locals/"],
  ] as const) {
    const names = await disk.list(WHY, `${root}/${place}`);
    if (!names.ok && names.error.kind !== "missing") return names;
    for (const name of names.ok ? names.value : []) {
      const rev = parseRevisionName(`${prefix}${name}`);
      if (!rev.ok) continue;
      const info = await disk.stat(WHY, `${root}/${folder}/${rev.value}`);
      if (!info.ok) return info;
      if (info.value.type === "folder") found.push(rev.value);
    }
  }
  return ok(found.sort(compareRevisionNames));
}

/** The revisions in `trails/`. */
export const listRevisions = (store: Store): DiskResult<readonly RevisionName[]> => revisionsBelow(store, "trails");

/** The bytes of a revision's state text, unparsed. `missing`: no such revision; `tooLarge`: above what a state may have. */
export const readState = (store: Store, rev: RevisionName): DiskResult<Uint8Array> =>
  readFile(store.disk, WHY, statePath(store, rev), limits.stateBytesMax);

/** Has this revision ever been committed? */
export async function isDone(store: Store, rev: RevisionName): DiskResult<boolean> {
  const info = await store.disk.stat(WHY, pvPath(store, rev, "done"));
  if (info.ok) return ok(true);
  return info.error.kind === "missing" ? ok(false) : info;
}

/** Writes the `done` marker; durable when it returns. */
export async function markDone(store: Store, rev: RevisionName): DiskResult<void> {
  const done = await isDone(store, rev);
  if (!done.ok) return done;
  const path = pvPath(store, rev, "done");
  if (!done.value) return saveFile(store.disk, WHY, path, new Uint8Array());
  return store.disk.fsync(WHY, dirname(path)); // its name may come from a call that failed just here
}

/**
 * The factory revision needs no test: at its first boot it becomes DONE (reference 4.3 step 8, 5.8). Later boots write nothing. A
 * record that cannot be read is replaced; the verdict of a later run of it is not.
 */
export async function settleFactory(store: Store): DiskResult<void> {
  const progress = await readProgress(store, factory);
  if (!progress.ok && progress.error.kind !== "badProgress") return err(progress.error);
  const status = progress.ok ? (progress.value?.status ?? null) : null;
  if (status !== "DONE" && status !== "ERROR" && status !== "WONTGO") {
    const written = await writeProgress(store, factory, progressRecord("DONE", "Factory revision"));
    if (!written.ok) return written;
  }
  return markDone(store, factory);
}

/** Points `trails/current` and `logs/current` at a revision, each in one step; makes the revision's log folder. */
export async function setCurrent(store: Store, rev: RevisionName): DiskResult<void> {
  const logs = await makeFolders(store.disk, WHY, store.root, `logs/${rev}`);
  if (!logs.ok) return logs;
  const trails = await pointAt(store, `${store.root}/trails`, rev);
  return trails.ok ? pointAt(store, `${store.root}/logs`, rev) : trails;
}

/** Replaces the link `<folder>/current`. Its target is relative, so that it also holds where the storage is mounted elsewhere. */
function pointAt({ disk }: Store, folder: string, rev: RevisionName): DiskResult<void> {
  const [path, temporary] = [`${folder}/current`, `${folder}/.current.tmp`];
  return inOrder(disk, path, async () => {
    const there = await disk.readlink(WHY, path);
    if (there.ok && there.value === rev) return ok(undefined);
    const fresh = await unlinkIfThere(disk, WHY, temporary);
    if (!fresh.ok) return fresh;
    const linked = await disk.symlink(WHY, rev, temporary);
    if (!linked.ok) return linked;
    const moved = await moveIntoPlace(disk, WHY, temporary, path);
    return moved.ok ? disk.fsync(WHY, folder) : moved;
  });
}

/** The revision that `trails/current` names; null when there is no such link or it names none. */
export async function readCurrent(store: Store): DiskResult<RevisionName | null> {
  const target = await store.disk.readlink(WHY, `${store.root}/trails/current`);
  if (!target.ok) return target.error.kind === "missing" || target.error.kind === "notLink" ? ok(null) : target;
  const rev = parseRevisionName(target.value);
  return ok(rev.ok ? rev.value : null);
}
