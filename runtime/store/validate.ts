import { dirname } from "node:path";
import type { Result } from "../result.ts";
import type { Digest, Entry, RevisionName, State } from "../state/index.ts";
import { bootFiles } from "./boot-files.ts";
import { type DiskError, type DiskResult, explainDiskError, type FileInfo } from "./disk.ts";
import type { Hashed } from "./hash.ts";
import { filesOf } from "./install.ts";
import { inlineBytes, isCopy, type PlaceError, placeEntry } from "./place.ts";
import { readFile, walkFolders } from "./save.ts";
import { type Store, trailFolder } from "./store.ts";
import { verityGuarded } from "./verity-guarded.ts";

const WHY = "store/validate";

type FileEntry = Exclude<Entry, { kind: "spec" }>;

/**
 * Why a file of a revision may not be used. `wrongDigest`: its bytes are not those the state names. `wrongText`: an inline JSON file
 * differs from the state's text. `missing`: neither the file nor its object is there. `unreadable`: the disk would not say; a link, a
 * folder or a device in the file's place is this, too.
 */
export type Problem =
  | {
      readonly kind: "wrongDigest";
      readonly key: string;
      readonly expected: Digest;
      readonly found: Digest;
      readonly sizeBytes: number;
    }
  | { readonly kind: "wrongText"; readonly key: string }
  | { readonly kind: "missing"; readonly key: string; readonly expected: Digest | null }
  | { readonly kind: "unreadable"; readonly key: string; readonly error: DiskError };

export interface Validation {
  /** Empty: every file asked for is good. In document order. */
  readonly problems: readonly Problem[];
  /** Keys whose missing file, or whose changed `.bind` copy, was made again from a good object or the state's text. */
  readonly mended: readonly string[];
}

/** Digests by inode, for one boot or one transition: an object that several keys use is read once. Make a new one for the next. */
export type HashCache = Map<string, DiskResult<Hashed>>;
export const newHashCache = (): HashCache => new Map();

export interface ValidateOptions {
  /** Only these keys, as for one container ({@link ownerOf} of `state/` says whose a key is); default: all. */
  readonly keys?: ReadonlySet<string>;
  /** True only if every `dm:` volume will be mounted under dm-verity or not at all; then the files it guards are not hashed here. */
  readonly trustVerity: boolean;
  readonly hashes: HashCache;
}

/**
 * Checks files of a revision before it runs (reference 5.4), each time, with no shortcut but dm-verity: every object entry's file
 * has the SHA-256 that the state names, every inline JSON file the state's very text. A missing file is made again first; so is a
 * `.bind` copy that its container wrote to (what a container wants to keep belongs into its storage, and a revision names exact bytes).
 * Call it for each container with one shared `hashes`: files are checked in the order of the calls, a few at a time, without holding
 * up the event loop, so that a container can start as soon as its own files are good.
 *
 * What it cannot promise: the bytes are those on the disk at that moment. Who can write to the storage can change a file after it was
 * checked and before it is mounted, and a medium may return other bytes later; only dm-verity checks every later read.
 */
export async function validate(
  store: Store,
  rev: RevisionName,
  state: State,
  options: ValidateOptions,
): Promise<Validation> {
  const guarded: ReadonlySet<string> = options.trustVerity ? verityGuarded(state) : new Set();
  const entries = filesOf(state).filter(({ key }) => options.keys?.has(key) ?? true);
  const run: Run = { store, rev, state, guarded, hashes: options.hashes, folders: new Map() };
  const outcomes = await Promise.all(entries.map((entry) => store.checks(() => checkEntry(run, entry))));
  return {
    problems: outcomes.flatMap(({ problem }) => problem ?? []),
    mended: outcomes.flatMap(({ key, mended, problem }) => (mended && problem === null ? [key] : [])),
  };
}

interface Run {
  readonly store: Store;
  readonly rev: RevisionName;
  readonly state: State;
  readonly guarded: ReadonlySet<string>;
  readonly hashes: HashCache;
  /** Folders already walked. */
  readonly folders: Map<string, DiskResult<string>>;
}

interface Outcome {
  readonly key: string;
  readonly problem: Problem | null;
  readonly mended: boolean;
}

async function checkEntry(run: Run, entry: FileEntry): Promise<Outcome> {
  const { key } = entry;
  const first = await look(run, entry);
  if (first === null || !canMend(entry, first)) return { key, problem: first, mended: false };
  const mended = await mend(run, entry);
  return mended.ok
    ? { key, problem: await look(run, entry), mended: true }
    : { key, problem: problemOf(entry, mended.error), mended: false };
}

const canMend = ({ key }: FileEntry, problem: Problem): boolean =>
  problem.kind === "missing" || (problem.kind === "wrongDigest" && isCopy(key));

/** Makes the file again and makes that durable. */
async function mend({ store, rev, state, folders }: Run, entry: FileEntry): Promise<Result<void, PlaceError>> {
  folders.clear(); // what was missing may now be made
  const folder = await placeEntry(store, rev, state, entry);
  return folder.ok ? store.disk.fsync(WHY, folder.value) : folder;
}

function problemOf({ key }: FileEntry, error: PlaceError): Problem {
  switch (error.kind) {
    case "objectMissing":
      return { kind: "missing", key, expected: error.digest };
    case "objectBad":
      return { kind: "wrongDigest", key, expected: error.digest, found: error.found, sizeBytes: error.sizeBytes };
    default:
      return { kind: "unreadable", key, error };
  }
}

/** What is wrong with an entry's file as it is. */
async function look(run: Run, entry: FileEntry): Promise<Problem | null> {
  const { key } = entry;
  const expected = entry.kind === "object" ? entry.digest : null;
  const fault = (error: DiskError): Problem =>
    error.kind === "missing" ? { kind: "missing", key, expected } : { kind: "unreadable", key, error };
  const folder = await realFolder(run, key);
  if (!folder.ok) return fault(folder.error);
  const path = `${trailFolder(run.store, run.rev)}/${key}`;
  if (entry.kind === "inline") {
    const text = inlineBytes(run.state, entry);
    const there = await readFile(run.store.disk, WHY, path, text.byteLength);
    if (there.ok) return Buffer.compare(there.value, text) === 0 ? null : { kind: "wrongText", key };
    return there.error.kind === "tooLarge" ? { kind: "wrongText", key } : fault(there.error);
  }
  const info = await run.store.disk.stat(WHY, path);
  if (!info.ok) return fault(info.error);
  if (info.value.type === "file" && run.guarded.has(key)) return null;
  const hashed = await hashOnce(run, path, info.value);
  if (!hashed.ok) return fault(hashed.error);
  const found = hashed.value.digest;
  if (found === entry.digest) return null;
  return { kind: "wrongDigest", key, expected: entry.digest, found, sizeBytes: hashed.value.info.sizeBytes };
}

/**
 * The same for what a boot loader reads of a revision, the links in `.pv/`, which is no part of {@link validate}: `.pv/<name>` has the
 * SHA-256 that the state names for its file. Mends nothing: {@link installRevision} does. No problems in a state without `bsp`.
 */
export async function validateBootFiles(
  store: Store,
  rev: RevisionName,
  state: State,
  hashes: HashCache,
): Promise<readonly Problem[]> {
  const run: Run = { store, rev, state, guarded: new Set(), hashes, folders: new Map() };
  const links = (state.bsp === null ? [] : bootFiles(state.bsp)).flatMap(({ name, key }) => {
    const entry = state.entries.find((candidate) => candidate.key === key);
    return entry?.kind === "object" ? [{ ...entry, key: `.pv/${name}` }] : [];
  });
  const found = await Promise.all(links.map((link) => store.checks(() => look(run, link))));
  return found.flatMap((problem) => problem ?? []);
}

/** No symbolic link may stand between the trail and the file. */
function realFolder({ store, rev, folders }: Run, key: string): DiskResult<string> {
  const relative = dirname(`/${key}`);
  const walked = folders.get(relative) ?? walkFolders(store.disk, WHY, trailFolder(store, rev), relative, false);
  folders.set(relative, walked);
  return walked;
}

/** The times and the size are part of the name: a file that was written to since is hashed again. */
function hashOnce({ store, hashes }: Run, path: string, info: FileInfo): DiskResult<Hashed> {
  const name = [info.device, info.inode, info.sizeBytes, info.mtimeNs, info.ctimeNs].join(":");
  const hashed = hashes.get(name) ?? store.hashing.hash(WHY, path);
  hashes.set(name, hashed);
  return hashed;
}

/** The sentence for a person. */
export function explainProblem(problem: Problem): string {
  const { key } = problem;
  switch (problem.kind) {
    case "wrongDigest":
      return `${key}: wrong bytes: expected SHA-256 ${problem.expected}, found ${problem.found} (${problem.sizeBytes} bytes)`;
    case "wrongText":
      return `${key}: differs from the text in the revision's state`;
    case "missing":
      return problem.expected === null
        ? `${key}: missing`
        : `${key}: missing, and its object ${problem.expected} too: fetch the object again`;
    case "unreadable":
      return `${key}: ${explainDiskError(problem.error)}`;
  }
}
