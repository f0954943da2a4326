import { err, ok, type Result } from "../result.ts";
import { becomesFile, type Entry, limits, type RevisionName, type State } from "../state/index.ts";
import { bootFiles } from "./boot-files.ts";
import type { DiskResult } from "./disk.ts";
import { writePrevious } from "./facts.ts";
import { type PlaceError, placeEntry, placeLink, temporaryPath } from "./place.ts";
import { finishRemoval } from "./remove.ts";
import { inOrder, makeFolders, readFile, saveFile, unlinkIfThere } from "./save.ts";
import { objectsFolder, pvPath, type Store, statePath, trailFolder } from "./store.ts";

const WHY = "store/install";

/**
 * `otherState`: the revision is there with another state text; a revision never changes, so remove it first or take another name.
 * `bootFile`: `bsp/run.json` names an inline JSON entry as a boot file.
 */
export type InstallError =
  | PlaceError
  | { readonly kind: "otherState"; readonly rev: RevisionName }
  | { readonly kind: "bootFile"; readonly key: string };

export interface InstallOptions {
  /** The revision that is committed now, for `.pv/previous`. Null: none, or not to be noted. */
  readonly previous?: RevisionName | null;
}

/**
 * Checks a revision out into `trails/<rev>` (reference 5.3): state text first, then every entry (objects as hard links, `.bind` as
 * copies, inline JSON as its source text; not what {@link becomesFile} leaves out), then the links a boot loader reads in `.pv/`, and
 * last the folders made durable. Objects must be in the store. Running it again, after a power cut or an error at any point, finishes
 * the rest: what is right is left alone, what is wrong replaced in one step, no temporary file stays. It never writes `done`.
 * A state without `bsp` gets no boot files: whether such a revision may be tried is not decided here. Boot loaders that read ext4
 * without its journal need the file system frozen and thawed before their environment names the revision.
 *
 * No marker says that a trail is complete: it would be believed long after a file went bad. What counts is asked each time:
 * {@link validate} for the files, {@link validateBootFiles} for what the boot loader reads, both before a trial. A trail that was cut
 * off here fails them, or is completed by `validate`; running this again completes it in any case.
 */
export async function installRevision(
  store: Store,
  rev: RevisionName,
  state: State,
  { previous = null }: InstallOptions = {},
): Promise<Result<void, InstallError>> {
  const { disk } = store;
  const free = await finishRemoval(store, rev);
  if (!free.ok) return free;
  const pv = await makeFolders(disk, WHY, store.root, `trails/${rev}/.pv`);
  if (!pv.ok) return pv;
  const pvr = await installStateText(store, rev, state.text);
  if (!pvr.ok) return pvr;
  const noted = previous === null ? ok(undefined) : await writePrevious(store, rev, previous);
  if (!noted.ok) return noted;
  const touched = new Set([pv.value, pvr.value]);
  for (const entry of filesOf(state)) {
    const folder = await placeEntry(store, rev, state, entry);
    if (!folder.ok) return folder;
    touched.add(folder.value);
  }
  const linked = await linkBootFiles(store, rev, state);
  if (!linked.ok) return linked;
  const clean = await unlinkIfThere(disk, WHY, temporaryPath(store, rev));
  if (!clean.ok) return clean;
  for (const folder of touched) {
    const kept = await disk.fsync(WHY, folder);
    if (!kept.ok) return kept;
  }
  return ok(undefined);
}

/** The entries of a state that are files in its trail. */
export const filesOf = ({ entries }: State): readonly Exclude<Entry, { kind: "spec" }>[] =>
  entries.flatMap((entry) => (entry.kind !== "spec" && becomesFile(entry) ? [entry] : []));

/** The value is the folder it is in. */
export async function installStateText(
  store: Store,
  rev: RevisionName,
  text: string,
): Promise<Result<string, InstallError>> {
  const { disk } = store;
  const folder = await makeFolders(disk, WHY, store.root, `trails/${rev}/.pvr`);
  if (!folder.ok) return folder;
  const bytes = new TextEncoder().encode(text);
  const there = await readFile(disk, WHY, statePath(store, rev), limits.stateBytesMax);
  if (there.ok) {
    if (Buffer.compare(there.value, bytes) !== 0) return err({ kind: "otherState", rev });
  } else {
    if (there.error.kind !== "missing") return there;
    const saved = await saveFile(disk, WHY, statePath(store, rev), bytes);
    if (!saved.ok) return saved;
  }
  const configured = await configurePvr(store, rev);
  return configured.ok ? folder : configured;
}

/** `.pvr/config` makes the trail a repository that `pvr` can work in. One that is there may hold more, and stays. */
async function configurePvr(store: Store, rev: RevisionName): DiskResult<void> {
  const path = `${trailFolder(store, rev)}/.pvr/config`;
  const there = await store.disk.stat(WHY, path);
  if (there.ok) return ok(undefined);
  if (there.error.kind !== "missing") return there;
  const config = JSON.stringify({ ObjectsDir: objectsFolder(store) });
  return saveFile(store.disk, WHY, path, new TextEncoder().encode(config));
}

async function linkBootFiles(
  store: Store,
  rev: RevisionName,
  { bsp, entries }: State,
): Promise<Result<void, InstallError>> {
  const temporary = temporaryPath(store, rev);
  for (const { name, key } of bsp === null ? [] : bootFiles(bsp)) {
    const entry = entries.find((candidate) => candidate.key === key);
    if (entry?.kind !== "object") return err({ kind: "bootFile", key });
    const linked = await inOrder(store.disk, temporary, () =>
      placeLink(store, pvPath(store, rev, name), temporary, entry),
    );
    if (!linked.ok) return linked;
  }
  return ok(undefined);
}
