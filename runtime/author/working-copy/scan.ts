import { relative } from "node:path";
import { err, ok, type Result } from "../../result.ts";
import { type Digest, explainState, limits } from "../../state/index.ts";
import { type DiskResult, type FileInfo, openStore } from "../../store/index.ts";
import {
  digestIn,
  digestValue,
  type Members,
  NULL,
  type Revision,
  readTree,
  SPEC_KEY,
  type Tree,
  treeText,
  withoutNulls,
} from "../document/index.ts";
import { type Added, parseState, type Repository, readAdded, readStateText } from "../repository/index.ts";
import type { BrokenFile, WorkingCopyError } from "./fault.ts";
import { type Meaning, StatCache } from "./stat-cache.ts";
import { type Walked, walk } from "./walk.ts";

const WHY = "author/scan";

/** Of another tool, and never meant for a device; one of its files that is tracked all the same is looked at. */
const VERSION_CONTROL = ".git";

export interface WorkingCopy {
  readonly root: string;
  readonly repository: Repository;
}

/** What is in a working copy, beside what is committed. */
export interface Scan {
  readonly pristine: Revision;
  readonly added: Added;
  /** The tracked files as values, with the pristine `#spec`. Of a broken file, the pristine value or a text that differs from all. */
  readonly working: Members;
  readonly untracked: readonly string[];
  readonly walked: Walked;
  /** Tracked .json files that cannot be committed. */
  readonly broken: readonly BrokenFile[];
  /** Files whose JSON has members that are null: a state does not keep them (reference authoring 1.2). */
  readonly nulls: readonly string[];
  readonly cache: StatCache;
}

export interface ScanOptions {
  /** In place of what was added: nothing is. */
  readonly onlyCommitted?: boolean;
  /** Also these. */
  readonly alsoAdded?: Added;
}

/** Looks at every file; reads those only that may have changed since the last look. */
export async function scan(
  { root, repository }: WorkingCopy,
  { onlyCommitted = false, alsoAdded = new Map() }: ScanOptions = {},
): Promise<Result<Scan, WorkingCopyError>> {
  const text = await readStateText(repository);
  if (!text.ok) return text;
  const pristine = parseState(repository, text.value);
  if (!pristine.ok) return pristine;
  const noted = onlyCommitted ? ok(new Map()) : await readAdded(repository);
  if (!noted.ok) return noted;
  const added: Added = new Map([...noted.value, ...alsoAdded]);
  const tracked = new Set([...pristine.value.keys(), ...added.keys()]);
  tracked.delete(SPEC_KEY);
  const walked = await walk(root, foreign(root, repository, tracked), tracked);
  if (!walked.ok) return walked;
  const odd = walked.value.oddities.find(({ path }) => isInTheWay(path, tracked));
  if (odd !== undefined) return err({ kind: "odd", oddity: odd });
  const reader = new Reader(repository, root, await StatCache.load(repository), shaOf(text.value));
  const working = new Map<string, Tree>();
  const spec = pristine.value.get(SPEC_KEY);
  if (spec !== undefined) working.set(SPEC_KEY, spec);
  const { files } = walked.value;
  const unread: Promise<Result<void, WorkingCopyError>>[] = [];
  for (const [path, info] of files) {
    if (!tracked.has(path)) continue;
    const file: TrackedFile = {
      path,
      info,
      committed: pristine.value.get(path),
      forceObject: added.get(path)?.forceObject ?? false,
    };
    const known = reader.known(file);
    if (known !== null) {
      working.set(path, known);
      continue;
    }
    unread.push(
      reader.read(file).then((value) => {
        if (value.ok) working.set(path, value.value);
        return value.ok || value.error.kind === "missing" ? ok(undefined) : value; // missing: removed meanwhile
      }),
    );
  }
  for (const read of await Promise.all(unread)) if (!read.ok) return read;
  const untracked = [...files.keys()].filter((path) => !tracked.has(path)).sort();
  const { broken, nulls, cache } = reader;
  await cache.save(repository, (path) => files.has(path));
  return ok({ pristine: pristine.value, added, working, untracked, walked: walked.value, broken, nulls, cache });
}

/** Folders in a working copy that are not of it, unless something in them is tracked: a store of objects can lie there. */
function foreign(root: string, { objectsFolder }: Repository, tracked: ReadonlySet<string>): ReadonlySet<string> {
  const folders = [VERSION_CONTROL, relative(root, objectsFolder)];
  return new Set(folders.filter((folder) => !isInTheWay(folder, tracked)));
}

/** Is there a tracked file of that path, or below it? */
const isInTheWay = (path: string, tracked: ReadonlySet<string>): boolean =>
  tracked.has(path) || [...tracked].some((key) => key.startsWith(`${path}/`));

/** Is a file kept as inline JSON (reference authoring 1.2)? One that was committed as an object stays one. */
export function meaningOf(path: string, committed: Tree | undefined, forceObject: boolean): Meaning {
  if (forceObject || digestIn(committed) !== null) return "object";
  return path.endsWith(".json") || committed !== undefined ? "inline" : "object";
}

const shaOf = (text: string): Digest => new Bun.CryptoHasher("sha256").update(text).digest("hex") as Digest;

interface TrackedFile {
  readonly path: string;
  readonly info: FileInfo;
  readonly committed: Tree | undefined;
  readonly forceObject: boolean;
}

class Reader {
  readonly broken: BrokenFile[] = [];
  readonly nulls: string[] = [];
  private readonly hashing;

  constructor(
    private readonly repository: Repository,
    private readonly root: string,
    readonly cache: StatCache,
    private readonly state: string,
  ) {
    this.hashing = openStore(repository.disk, repository.folder).hashing;
  }

  /** The value of a file that has not changed since it was read; null: it must be read. */
  known({ path, info, committed, forceObject }: TrackedFile): Tree | null {
    const meaning = meaningOf(path, committed, forceObject);
    const known = this.cache.lookUp(path, info, meaning);
    if (known === null) return null;
    if (meaning === "object") return digestValue(known.sha);
    if (committed === undefined) return null;
    if (known.state === this.state) return committed;
    if (known.sha !== shaOf(treeText(committed))) return null;
    this.cache.noteState(path, this.state);
    return committed;
  }

  async read({ path, info, committed, forceObject }: TrackedFile): Promise<Result<Tree, WorkingCopyError>> {
    if (meaningOf(path, committed, forceObject) === "inline") return this.inline(path, info, committed);
    const readAtMs = Date.now();
    const hashed = await this.hashing.hash(WHY, `${this.root}/${path}`);
    if (!hashed.ok) return hashed;
    this.cache.note(path, hashed.value.info, "object", hashed.value.digest, readAtMs);
    return ok(digestValue(hashed.value.digest));
  }

  private async inline(
    path: string,
    { sizeBytes }: FileInfo,
    committed: Tree | undefined,
  ): Promise<Result<Tree, WorkingCopyError>> {
    if (sizeBytes > limits.stateBytesMax) {
      return ok(this.bad(path, `longer than a whole state may be, ${limits.stateBytesMax} bytes`));
    }
    const readAtMs = Date.now();
    const read = await this.textOf(path);
    if (!read.ok) return read;
    const { text, info } = read.value;
    if (text === null) return ok(this.bad(path, "not UTF-8"));
    const tree = readTree(text);
    if (!tree.ok) return ok(this.bad(path, explainState({ kind: "syntax", fault: tree.error })));
    if (tree.value === NULL) return ok(this.bad(path, "holds null, which a state cannot: remove the file"));
    if (digestIn(tree.value) !== null) {
      return ok(this.bad(path, "holds a text that reads like the SHA-256 of an object"));
    }
    const said = treeText(tree.value);
    const kept = withoutNulls(tree.value);
    // A state that another tool made may keep nulls; as long as the file agrees with it, nothing changed.
    const isCommitted = committed !== undefined && said === treeText(committed);
    if (isCommitted || said === treeText(kept)) this.cache.note(path, info, "inline", shaOf(said), readAtMs);
    else this.nulls.push(path);
    return ok(isCommitted ? committed : kept);
  }

  private bad(path: string, problem: string): Tree {
    this.broken.push({ path, problem: `${problem}; or keep it as a file of its own with "cairn add --raw"` });
    return "";
  }

  private async textOf(path: string): DiskResult<{ readonly text: string | null; readonly info: FileInfo }> {
    const opened = await this.repository.disk.open(WHY, `${this.root}/${path}`);
    if (!opened.ok) return opened;
    const file = opened.value;
    const bytes = new Uint8Array(Math.min(file.info.sizeBytes, limits.stateBytesMax));
    let filled = 0;
    let failed = null;
    while (filled < bytes.byteLength && failed === null) {
      const part = await file.read(bytes.subarray(filled), filled);
      if (!part.ok) failed = part;
      else if (part.value === 0) break;
      else filled += part.value;
    }
    const closed = await file.close();
    if (failed !== null) return failed;
    if (!closed.ok) return closed;
    return ok({ text: decoded(bytes.subarray(0, filled)), info: file.info });
  }
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
