import { readMountinfo } from "../../../linux/index.ts";
import {
  becomesFile,
  explainState,
  parseDigest,
  parseRevisionName,
  parseState,
  type RevisionName,
  type State,
} from "../../../state/index.ts";
import {
  type DiskError,
  explainDiskError,
  isDone,
  listRevisions,
  objectPath,
  openStore,
  readCurrent,
  readFile,
  readState,
  realDisk,
  type Store,
  trailFolder,
} from "../../../store/index.ts";
import { readProgressRecord } from "../progress.ts";
import type { FileProblem, FilesFacts, RevisionFacts, StorageFacts } from "./facts.ts";

const WHY = "doctor";
const SMALL_BYTES_MAX = 64 * 1024;

/** A storage tree to look at. Nothing here writes, not even a lock or a missing folder. */
export const openTree = (path: string): Store => openStore(realDisk, path);

export async function storageFacts(store: Store): Promise<StorageFacts> {
  const path = store.root;
  const trails = await store.disk.list(WHY, `${path}/trails`);
  const space = await store.disk.space(WHY, path);
  if (!space.ok) return { kind: "unreadable", path, why: explainDiskError(space.error) };
  if (!trails.ok) {
    const why =
      trails.error.kind === "missing"
        ? "this is no storage tree: it has no folder trails"
        : explainDiskError(trails.error);
    return { kind: "unreadable", path, why };
  }
  const mounts = readMountinfo();
  const below = (target: string): boolean => target === "/" || path === target || path.startsWith(`${target}/`);
  // The longest target holds the path; of two the later one covers the other.
  const mount = (mounts.ok ? mounts.value : [])
    .filter(({ target }) => below(target))
    .reduce<{ target: string; type: string; options: readonly string[]; superOptions: readonly string[] } | null>(
      (best, one) => (best === null || one.target.length >= best.target.length ? one : best),
      null,
    );
  return {
    kind: "there",
    path,
    fileSystem: mount?.type ?? null,
    readOnly: mount !== null && (mount.options.includes("ro") || mount.superOptions.includes("ro")),
    totalBytes: space.value.totalBytes,
    freeBytes: space.value.freeBytes,
  };
}

/** What `trails/current` names. */
export async function currentOf(store: Store): Promise<string | null> {
  const current = await readCurrent(store);
  return current.ok ? current.value : null;
}

/** Every revision of the tree; the files of those in `checked` are hashed, which takes a while. */
export async function revisionFacts(
  store: Store,
  checked: ReadonlySet<string>,
): Promise<readonly RevisionFacts[] | null> {
  const names = await listRevisions(store);
  if (!names.ok) return null;
  const facts: RevisionFacts[] = [];
  for (const rev of names.value) facts.push(await ofRevision(store, rev, checked.has(rev)));
  return facts;
}

async function ofRevision(store: Store, rev: RevisionName, check: boolean): Promise<RevisionFacts> {
  const [done, state] = [await isDone(store, rev), await stateOf(store, rev)];
  const progress = await smallText(store, rev, "progress");
  const previous = parseRevisionName((await smallText(store, rev, "previous"))?.trim() ?? "");
  return {
    name: rev,
    done: done.ok && done.value,
    progress: progress === null ? null : readProgressRecord(progress),
    previous: previous.ok ? previous.value : null,
    badState: typeof state === "string" ? state : null,
    files: check && typeof state !== "string" ? await filesOf(store, rev, state) : null,
  };
}

/** Its state, or why there is none. */
async function stateOf(store: Store, rev: RevisionName): Promise<State | string> {
  const bytes = await readState(store, rev);
  if (!bytes.ok) return `its state cannot be read: ${explainDiskError(bytes.error)}`;
  const state = parseState(bytes.value);
  return state.ok ? state.value : explainState(state.error);
}

async function smallText(store: Store, rev: RevisionName, name: string): Promise<string | null> {
  const bytes = await readFile(store.disk, WHY, `${trailFolder(store, rev)}/.pv/${name}`, SMALL_BYTES_MAX);
  return bytes.ok ? new TextDecoder().decode(bytes.value) : null;
}

/** Like the check before a boot (reference 5.4), but mends nothing, and asks dm-verity for nothing. */
async function filesOf(store: Store, rev: RevisionName, state: State): Promise<FilesFacts> {
  const problems: FileProblem[] = [];
  let checked = 0;
  for (const entry of state.entries) {
    if (entry.kind === "spec" || !becomesFile(entry)) continue;
    checked++;
    const path = `${trailFolder(store, rev)}/${entry.key}`;
    const text = state.text.slice(entry.slice.start, entry.slice.end);
    const problem =
      entry.kind === "inline"
        ? await inlineProblem(store, path, entry.key, text)
        : await objectProblem(store, path, entry.key, entry.digest);
    if (problem !== null) problems.push(problem);
  }
  return { checked, problems };
}

const problem = (key: string, what: string, object: string | null, mends: boolean): FileProblem => ({
  key,
  what,
  object,
  mends,
});

async function inlineProblem(store: Store, path: string, key: string, text: string): Promise<FileProblem | null> {
  const wanted = Buffer.from(text);
  const bytes = await readFile(store.disk, WHY, path, wanted.byteLength);
  if (bytes.ok && wanted.equals(bytes.value)) return null;
  if (!bytes.ok && bytes.error.kind === "missing")
    return problem(key, "missing; the next boot makes it again", null, true);
  const differs = bytes.ok || bytes.error.kind === "tooLarge";
  return problem(key, differs ? "differs from the text in the state" : unreadable(bytes), null, false);
}

async function objectProblem(store: Store, path: string, key: string, digest: string): Promise<FileProblem | null> {
  const there = await store.hashing.hash(WHY, path);
  if (there.ok && there.value.digest === digest) return null;
  const missing = !there.ok && there.error.kind === "missing";
  // A .bind file is its container's own copy; the boot makes it again (reference 1.3).
  if (missing || key.endsWith(".bind")) {
    const known = parseDigest(digest);
    const object = known === null ? null : await store.hashing.hash(WHY, objectPath(store, known));
    const good = object?.ok === true && object.value.digest === digest;
    const how = missing ? "missing" : "changed by its container";
    if (good) return problem(key, `${how}; the next boot makes it again`, digest, true);
    return problem(key, `${how}, and its object ${digest.slice(0, 8)}… is not good either`, digest, false);
  }
  if (!there.ok) return problem(key, unreadable(there), digest, false);
  const { digest: found, info } = there.value;
  return problem(
    key,
    `wrong bytes: SHA-256 ${found.slice(0, 8)}… of ${info.sizeBytes} bytes, not ${digest.slice(0, 8)}…`,
    digest,
    false,
  );
}

const unreadable = (result: { readonly ok: boolean; readonly error?: DiskError }): string =>
  result.error === undefined ? "cannot be read" : explainDiskError(result.error);
