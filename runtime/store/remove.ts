import { dirname } from "node:path";
import { ok } from "../result.ts";
import type { RevisionName } from "../state/index.ts";
import type { DiskError, DiskResult } from "./disk.ts";
import { emptyFolder, removeTree } from "./empty-folder.ts";
import { revisionsBelow } from "./revisions.ts";
import { inOrder, makeFolders, walkFolders } from "./save.ts";
import type { Store } from "./store.ts";

const WHY = "store/remove";

/**
 * Where trails go to be removed, under their own names. No revision can be called so. That a trail is here is also the note that its
 * removal is not finished: in `.removing` with logs and storage, in `.removing-trail` without the storage.
 */
const GRAVES = [
  { folder: "trails/.removing", keepStorage: false },
  { folder: "trails/.removing-trail", keepStorage: true },
] as const;
type Graves = (typeof GRAVES)[number];

const gravesFor = (keepStorage: boolean): Graves => GRAVES[keepStorage ? 1 : 0];

const exclusively = <T>({ disk, root }: Store, task: () => Promise<T>): Promise<T> =>
  inOrder(disk, `${root}/${GRAVES[0].folder}`, task);

/**
 * Removes `trails/<rev>`, `logs/<rev>` and, unless `keepStorage`, `disks/rev/<rev>` (reference 5.7); the value is how many bytes of
 * file contents that gave back. No error when there is nothing. The trail first gets a name that is no revision, in one durable step,
 * so that a power cut or an error leaves either the whole revision or none; {@link finishRemovals}, or the next call, does the rest.
 * Whether the revision may go is not asked: see {@link protectedRevisions}. Objects stay, see {@link collectGarbage}.
 */
export function removeRevision(
  store: Store,
  rev: RevisionName,
  { keepStorage = false }: { readonly keepStorage?: boolean } = {},
): DiskResult<number> {
  return exclusively(store, async () => {
    const left = await finishOf(store, rev);
    if (!left.ok) return left;
    const graves = gravesFor(keepStorage);
    const buried = await bury(store, rev, graves);
    if (!buried.ok) return buried;
    const freed = await finish(store, rev, graves);
    return freed.ok ? ok(left.value + freed.value) : freed;
  });
}

/** What was removed, and what stood in the way; all else went on. */
export interface Removed {
  readonly reclaimedBytes: number;
  readonly problems: readonly DiskError[];
}

/** Finishes what power cuts or errors left of removals: at start, before anything is installed. */
export function finishRemovals(store: Store): DiskResult<Removed> {
  return exclusively(store, async () => {
    let reclaimedBytes = 0;
    const problems: DiskError[] = [];
    for (const graves of GRAVES) {
      const revisions = await revisionsBelow(store, graves.folder);
      if (!revisions.ok) return revisions;
      for (const rev of revisions.value) {
        const freed = await finish(store, rev, graves);
        if (freed.ok) reclaimedBytes += freed.value;
        else problems.push(freed.error);
      }
    }
    return ok({ reclaimedBytes, problems });
  });
}

/** The same for one revision, before its name is used again: its storage must start empty. */
export const finishRemoval = (store: Store, rev: RevisionName): DiskResult<number> =>
  exclusively(store, () => finishOf(store, rev));

async function finishOf(store: Store, rev: RevisionName): DiskResult<number> {
  let freedBytes = 0;
  for (const graves of GRAVES) {
    const grave = await isThere(store, graves.folder, rev);
    if (!grave.ok) return grave;
    const freed = grave.value ? await finish(store, rev, graves) : ok(0);
    if (!freed.ok) return freed;
    freedBytes += freed.value;
  }
  return ok(freedBytes);
}

/** The folder that holds `<folder>/<rev>`, null when there is none; no link may stand on the way to it. */
async function parentOf({ disk, root }: Store, folder: string, rev: RevisionName): DiskResult<string | null> {
  const parent = await walkFolders(disk, WHY, root, dirname(`${folder}/${rev}`), false);
  return parent.ok || parent.error.kind !== "missing" ? parent : ok(null);
}

async function isThere(store: Store, folder: string, rev: RevisionName): DiskResult<boolean> {
  const parent = await parentOf(store, folder, rev);
  if (!parent.ok || parent.value === null) return parent.ok ? ok(false) : parent;
  const info = await store.disk.stat(WHY, `${store.root}/${folder}/${rev}`);
  if (info.ok) return ok(true);
  return info.error.kind === "missing" ? ok(false) : info;
}

/** Moves the trail to its grave, which is free. Not durable yet. */
async function bury(store: Store, rev: RevisionName, graves: Graves): DiskResult<void> {
  const { disk, root } = store;
  const trail = await isThere(store, "trails", rev);
  if (!trail.ok || !trail.value) return trail.ok ? ok(undefined) : trail;
  const made = await makeFolders(disk, WHY, root, dirname(`${graves.folder}/${rev}`));
  return made.ok ? disk.rename(WHY, `${root}/trails/${rev}`, `${root}/${graves.folder}/${rev}`) : made;
}

/** From a buried trail, or none, to nothing. Whatever fails, the rest is still tried, and the first failure returned. */
async function finish(store: Store, rev: RevisionName, graves: Graves): DiskResult<number> {
  const { disk, root } = store;
  const grave = `${root}/${graves.folder}/${rev}`;
  // The burial may come from a call that failed just there. Were a file removed before it is durable, a power cut could bring back a
  // revision without that file. The grave first, so that the note is never lost.
  const durable = await fsyncParents(store, [graves.folder, "trails"], rev);
  if (!durable.ok) return durable;
  const again = await isThere(store, "trails", rev); // then logs and storage are those of the new one
  if (!again.ok) return again;
  const rests = again.value ? [] : graves.keepStorage ? ["logs"] : ["logs", "disks/rev"];
  const buried = await isThere(store, graves.folder, rev);
  if (!buried.ok) return buried;
  const emptied = [buried.value ? await emptyGrave(store, grave) : ok(0)];
  for (const folder of rests) emptied.push(await removeBelow(store, folder, rev));
  let freedBytes = 0;
  for (const freed of emptied) {
    if (!freed.ok) return freed;
    freedBytes += freed.value;
  }
  const kept = await fsyncParents(store, rests, rev); // before the note goes
  if (!kept.ok) return kept;
  if (!buried.value) return ok(freedBytes);
  const gone = await removeTree(disk, WHY, grave);
  if (!gone.ok) return gone;
  const noted = await disk.fsync(WHY, dirname(grave));
  return noted.ok ? ok(freedBytes + gone.value) : noted;
}

/** Leaves the grave itself as the note; a foreign file or link in a trail's place is one, too. */
async function emptyGrave({ disk }: Store, grave: string): DiskResult<number> {
  const info = await disk.stat(WHY, grave);
  if (!info.ok) return info;
  return info.value.type === "folder" ? emptyFolder(disk, WHY, grave) : ok(0);
}

async function removeBelow(store: Store, folder: string, rev: RevisionName): DiskResult<number> {
  const parent = await parentOf(store, folder, rev);
  if (!parent.ok || parent.value === null) return parent.ok ? ok(0) : parent;
  return removeTree(store.disk, WHY, `${store.root}/${folder}/${rev}`);
}

async function fsyncParents(store: Store, folders: readonly string[], rev: RevisionName): DiskResult<void> {
  for (const folder of folders) {
    const parent = await parentOf(store, folder, rev);
    if (!parent.ok) return parent;
    const kept = parent.value === null ? ok(undefined) : await store.disk.fsync(WHY, parent.value);
    if (!kept.ok) return kept;
  }
  return ok(undefined);
}
