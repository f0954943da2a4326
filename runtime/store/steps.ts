import { err, ok, type Result } from "../result.ts";
import { type BadRevisionName, limits, parseRevisionName, type RevisionName } from "../state/index.ts";
import type { DiskError, DiskResult } from "./disk.ts";
import { readCommitMessage } from "./facts.ts";
import { type InstallError, installStateText } from "./install.ts";
import { type Progress, readProgress } from "./progress.ts";
import { finishRemoval, removeRevision } from "./remove.ts";
import { listRevisions, readCurrent, readState } from "./revisions.ts";
import { inOrder, readFile } from "./save.ts";
import { type Store, statePath, trailFolder } from "./store.ts";

const WHY = "store/step";

/** A revision as a list of them shows it (reference 8.4, `GET /steps`). */
export interface Step {
  readonly name: RevisionName;
  /** When its state was stored, milliseconds since 1970. */
  readonly storedAtMs: number;
  readonly commitMessage: string;
  /** Null: no record, or none that says anything. */
  readonly progress: Progress | null;
}

/** Every revision that has a state text; one without is no more than a folder. */
export async function listSteps(store: Store): DiskResult<readonly Step[]> {
  const revisions = await listRevisions(store);
  if (!revisions.ok) return revisions;
  const steps: Step[] = [];
  for (const name of revisions.value) {
    const state = await store.disk.stat(WHY, statePath(store, name));
    if (!state.ok && state.error.kind === "missing") continue;
    if (!state.ok) return state;
    const commitMessage = await readCommitMessage(store, name);
    if (!commitMessage.ok) return commitMessage;
    const progress = await readProgress(store, name);
    if (!progress.ok && progress.error.kind !== "badProgress") return err(progress.error);
    steps.push({
      name,
      storedAtMs: Number(state.value.mtimeNs / 1_000_000n),
      commitMessage: commitMessage.value,
      progress: progress.ok ? progress.value : null,
    });
  }
  return ok(steps);
}

/** A revision by its name, or the running one as `current`. */
export async function resolveRevision(
  store: Store,
  text: string,
): Promise<Result<RevisionName, DiskError | BadRevisionName>> {
  if (text !== "current") return parseRevisionName(text);
  const current = await readCurrent(store);
  if (!current.ok) return current;
  return current.value === null ? err({ kind: "badRevisionName", text }) : ok(current.value);
}

/** {@link resolveRevision} of one that has a state text. `missing`: there is no such revision. */
export async function findRevision(
  store: Store,
  text: string,
): Promise<Result<RevisionName, DiskError | BadRevisionName>> {
  const rev = await resolveRevision(store, text);
  if (!rev.ok) return rev;
  const there = await store.disk.stat(WHY, statePath(store, rev.value));
  return there.ok ? rev : there;
}

/** {@link readState} of {@link resolveRevision}. `missing`: there is no such revision. */
export async function readStateOf(
  store: Store,
  text: string,
): Promise<Result<Uint8Array, DiskError | BadRevisionName>> {
  const rev = await resolveRevision(store, text);
  return rev.ok ? readState(store, rev.value) : rev;
}

export interface PutStateOptions {
  /** Revisions whose state never changes: see {@link protectedRevisions}. */
  readonly keep: ReadonlySet<RevisionName>;
}

/**
 * Stores the state text of a revision, durably and before anything else of it is there (reference 8.4, `PUT /steps`). The same text
 * again changes nothing. Another one takes the place of one that was only stored: that revision is removed first, with its records.
 * `otherState`: the one that is there is kept, or something of it is installed. Who may write which name, and whether the text is a
 * good state, is the caller's to ask; `tooLarge`: it is longer than any.
 */
export function putState(
  store: Store,
  rev: RevisionName,
  text: string,
  { keep }: PutStateOptions,
): Promise<Result<void, InstallError>> {
  const { disk } = store;
  const path = statePath(store, rev);
  const bytes = Buffer.from(text);
  if (bytes.byteLength > limits.stateBytesMax) {
    const code = `${bytes.byteLength} bytes, at most ${limits.stateBytesMax}`;
    return Promise.resolve(err({ kind: "tooLarge", call: "write", path, why: WHY, code }));
  }
  return inOrder(disk, `put ${path}`, async () => {
    const free = await finishRemoval(store, rev);
    if (!free.ok) return free;
    const there = await readFile(disk, WHY, path, limits.stateBytesMax);
    if (!there.ok && there.error.kind !== "missing" && there.error.kind !== "tooLarge") return there;
    const isFree = there.ok ? Buffer.compare(there.value, bytes) === 0 : there.error.kind === "missing";
    if (!isFree) {
      const replaceable = await isOnlyStored(store, rev);
      if (!replaceable.ok) return replaceable;
      if (keep.has(rev) || !replaceable.value) return err({ kind: "otherState", rev });
      const gone = await removeRevision(store, rev);
      if (!gone.ok) return gone;
    }
    const stored = await installStateText(store, rev, text);
    return stored.ok ? disk.fsync(WHY, stored.value) : stored; // its name may come from a call that failed just here
  });
}

/** Nothing but folders of the runtime: everything else in a trail comes from installing it. */
async function isOnlyStored({ disk, ...store }: Store, rev: RevisionName): DiskResult<boolean> {
  const names = await disk.list(WHY, trailFolder(store, rev));
  return names.ok ? ok(names.value.every((name) => name === ".pvr" || name === ".pv")) : names;
}
