import { err, ok } from "../result.ts";
import { type Digest, parseDigest, parseState, type RevisionName } from "../state/index.ts";
import type { DiskError, DiskResult } from "./disk.ts";
import { listObjects, sweepOwnUnfinished } from "./objects.ts";
import { finishRemovals, removeRevision } from "./remove.ts";
import { readState, revisionsBelow } from "./revisions.ts";
import { unlinkIfThere } from "./save.ts";
import { objectPath, objectsFolder, type Store } from "./store.ts";

const WHY = "store/collect";

export interface Keep {
  /** Revisions that stay: see {@link protectedRevisions}. */
  readonly keep: ReadonlySet<RevisionName>;
  /** Objects that stay though no revision has them yet, such as those of an update that is being fetched. */
  readonly keepObjects: ReadonlySet<Digest>;
  /** Revisions whose `disks/rev/<rev>` stays though they go. */
  readonly keepStorageOf: ReadonlySet<RevisionName>;
  /** Also what this store's writer left of objects that it was storing: only while it stores none. Default: false. */
  readonly unfinished?: boolean;
}

export interface Collected {
  /** Lengths of the files whose last name went, unfinished removals included. */
  readonly reclaimedBytes: number;
  readonly revisions: readonly RevisionName[];
  /** How many objects went. */
  readonly objects: number;
  /** What could not be removed, or not be read so that nothing was removed for it; all else went on. */
  readonly problems: readonly DiskError[];
}

/**
 * Removes every revision that is not kept, logs and storage of such revisions that have no trail any more, and then the objects that
 * nothing uses (reference 5.7): no trail links them, no kept revision's state names them (as its `.bind` copies do, which are no
 * links), and they are not in `keepObjects`. `disks/perm` is not touched. May be cut off anywhere: what is kept stays whole, and the
 * next run does the rest. Not while a revision is installed or an object stored that is not kept. An error: the trails could not even
 * be listed.
 */
export async function collectGarbage(
  store: Store,
  { keep, keepObjects, keepStorageOf, unfinished = false }: Keep,
): DiskResult<Collected> {
  const finished = await finishRemovals(store);
  if (!finished.ok) return finished;
  const found = await garbageRevisions(store, keep, keepStorageOf);
  if (!found.ok) return found;
  let { reclaimedBytes } = finished.value;
  const problems = [...finished.value.problems];
  const revisions: RevisionName[] = [];
  for (const [rev, hasTrail] of found.value) {
    const freed = await removeRevision(store, rev, { keepStorage: keepStorageOf.has(rev) });
    if (!freed.ok) problems.push(freed.error);
    else reclaimedBytes += freed.value;
    if (freed.ok && hasTrail) revisions.push(rev);
  }
  if (unfinished) {
    const swept = await sweepOwnUnfinished(store);
    if (!swept.ok) problems.push(swept.error);
    else reclaimedBytes += swept.value.freedBytes;
  }
  const named = await namedObjects(store, keep);
  if (!named.ok) return ok({ reclaimedBytes, revisions, objects: 0, problems: [...problems, named.error] });
  const swept = await sweepObjects(store, (digest) => keepObjects.has(digest) || named.value.has(digest));
  return ok({
    reclaimedBytes: reclaimedBytes + swept.reclaimedBytes,
    revisions,
    objects: swept.objects,
    problems: [...problems, ...swept.problems],
  });
}

/** What is not kept of trails, logs and storage; the value says whether there is a trail. */
async function garbageRevisions(
  store: Store,
  keep: ReadonlySet<RevisionName>,
  keepStorageOf: ReadonlySet<RevisionName>,
): DiskResult<ReadonlyMap<RevisionName, boolean>> {
  const found = new Map<RevisionName, boolean>();
  for (const folder of ["trails", "logs", "disks/rev"]) {
    const names = await revisionsBelow(store, folder);
    if (!names.ok) return names;
    for (const rev of names.value) {
      if (keep.has(rev) || found.has(rev) || (folder === "disks/rev" && keepStorageOf.has(rev))) continue;
      found.set(rev, folder === "trails");
    }
  }
  return ok(found);
}

/** Objects that the states of kept revisions name. An error when a state cannot be read: then nobody knows what is garbage. */
async function namedObjects(store: Store, keep: ReadonlySet<RevisionName>): DiskResult<ReadonlySet<Digest>> {
  const named = new Set<Digest>();
  for (const rev of keep) {
    const text = await readState(store, rev);
    if (!text.ok && text.error.kind !== "missing") return text;
    for (const digest of text.ok ? digestsIn(text.value) : []) named.add(digest);
  }
  return ok(named);
}

/** A state that cannot be parsed may still be one that an older or newer runtime accepts: whatever looks like a digest counts. */
function digestsIn(text: Uint8Array): readonly Digest[] {
  const state = parseState(text);
  if (state.ok) return state.value.entries.flatMap((entry) => (entry.kind === "object" ? [entry.digest] : []));
  const words = new TextDecoder().decode(text).match(/\b[0-9a-f]{64}\b/g) ?? [];
  return words.flatMap((word) => parseDigest(word) ?? []);
}

async function sweepObjects(
  store: Store,
  isKept: (digest: Digest) => boolean,
): Promise<Pick<Collected, "reclaimedBytes" | "objects" | "problems">> {
  const listed = await listObjects(store);
  const problems: DiskError[] = [];
  let [reclaimedBytes, objects] = [0, 0];
  for (const { digest, sizeBytes, links } of listed.ok ? listed.value : []) {
    if (links !== 1 || isKept(digest)) continue;
    const gone = await unlinkIfThere(store.disk, WHY, objectPath(store, digest));
    if (!gone.ok) {
      problems.push(gone.error);
      continue;
    }
    reclaimedBytes += sizeBytes;
    objects += 1;
  }
  const kept = objects === 0 ? ok(undefined) : await store.disk.fsync(WHY, objectsFolder(store));
  for (const each of [listed.ok ? ok(undefined) : err(listed.error), kept]) if (!each.ok) problems.push(each.error);
  return { reclaimedBytes, objects, problems };
}
