import { dirname } from "node:path";
import { err, ok, type Result } from "../../result.ts";
import {
  type Disk,
  type DiskResult,
  makeFolders,
  makeWithParents,
  readFile,
  walkFolders,
  writeTemporary,
} from "../../store/index.ts";
import { digestIn, laidOut, SPEC_KEY, sortedKeys, type Tree, treeText } from "../document/index.ts";
import {
  alone,
  clearAdded,
  fileBytes,
  findObject,
  ownFolder,
  ReadFailed,
  type RepositoryError,
} from "../repository/index.ts";
import type { WorkingCopyError } from "./fault.ts";
import { type Scan, scan, type WorkingCopy } from "./scan.ts";

const WHY = "author/checkout";
const MODE = 0o644;
/** How deep `pvr` indents inline JSON. */
const INDENT = "    ";

export interface CheckoutOptions {
  /** Write inline JSON in its canonical form, also where the file says the same in another one. */
  readonly canonical: boolean;
  readonly progress?: (done: number, all: number, path: string) => void;
}

export interface CheckedOut {
  /** Files that were made or replaced; others were right already. */
  readonly written: readonly string[];
  /** Files that were added and are no longer. */
  readonly forgotten: number;
}

/**
 * Gives every tracked file its committed contents. New files are complete, right and beside the working copy before the first is put in its
 * place, so a missing or damaged object changes nothing. Files that are not in the state are left alone.
 */
export function checkout(copy: WorkingCopy, options: CheckoutOptions): Promise<Result<CheckedOut, WorkingCopyError>> {
  return alone(copy.repository.folder, async () => {
    const scanned = await scan(copy);
    if (!scanned.ok) return scanned;
    const { disk } = copy.repository;
    const wanted = await filesToWrite(copy, scanned.value, options.canonical);
    if (!wanted.ok) return wanted;
    const free = await checkWay(copy, wanted.value);
    if (!free.ok) return free;
    const stage = `${ownFolder(copy.repository)}/checkout`;
    const swept = await emptyFolder(disk, stage);
    if (!swept.ok) return swept;
    const placed = await stageAndPlace(copy, stage, scanned.value, wanted.value, options);
    const tidied = await emptyFolder(disk, stage);
    if (tidied.ok) await disk.rmdir(WHY, stage);
    if (!placed.ok) return placed;
    const cleared = await clearAdded(copy.repository);
    return cleared.ok ? ok({ written: wanted.value, forgotten: scanned.value.added.size }) : cleared;
  });
}

async function filesToWrite(
  { root, repository }: WorkingCopy,
  { pristine, working, walked }: Scan,
  canonical: boolean,
): Promise<Result<readonly string[], WorkingCopyError>> {
  const wanted: string[] = [];
  for (const key of sortedKeys(pristine)) {
    if (key === SPEC_KEY) continue;
    const [value, there] = [pristine.get(key) ?? "", working.get(key)];
    if (there === undefined || treeText(there) !== treeText(value)) {
      wanted.push(key);
    } else if (canonical && digestIn(value) === null) {
      const text = treeText(value);
      const bytes = await readFile(repository.disk, WHY, `${root}/${key}`, walked.files.get(key)?.sizeBytes ?? 0);
      if (!bytes.ok || !Buffer.from(text).equals(bytes.value)) wanted.push(key);
    }
  }
  return ok(wanted);
}

/** Whether every file can be put in its place; makes nothing yet. A link on the way would lead out of the working copy. */
async function checkWay(
  { root, repository }: WorkingCopy,
  keys: readonly string[],
): Promise<Result<void, WorkingCopyError>> {
  const { disk } = repository;
  for (const folder of foldersOf(keys)) {
    const way = await walkFolders(disk, WHY, root, folder, false);
    if (!way.ok && way.error.kind !== "missing") return way;
  }
  for (const key of keys) {
    const there = await disk.stat(WHY, `${root}/${key}`);
    if (there.ok && there.value.type !== "file") {
      const what = there.value.type === "folder" ? "a folder" : "no plain file";
      return err({ kind: "odd", oddity: { path: key, what: `${what} where a file of the state belongs` } });
    }
  }
  return ok(undefined);
}

const foldersOf = (keys: readonly string[]): ReadonlySet<string> =>
  new Set(keys.filter((key) => key.includes("/")).map((key) => dirname(key)));

async function stageAndPlace(
  copy: WorkingCopy,
  stage: string,
  { pristine }: Scan,
  keys: readonly string[],
  { canonical, progress }: CheckoutOptions,
): Promise<Result<void, WorkingCopyError>> {
  const { root, repository } = copy;
  const { disk } = repository;
  for (const [index, key] of keys.entries()) {
    progress?.(index + 1, keys.length, key);
    const staged = await stageFile(copy, `${stage}/${index}`, pristine.get(key) ?? "", canonical);
    if (!staged.ok) return staged;
  }
  for (const [index, key] of keys.entries()) {
    const folder = key.includes("/") ? await makeFolders(disk, WHY, root, dirname(key)) : ok(root);
    if (!folder.ok) return folder;
    const moved = await disk.rename(WHY, `${stage}/${index}`, `${root}/${key}`);
    if (!moved.ok) return moved;
  }
  for (const folder of new Set(keys.map((key) => dirname(`${root}/${key}`)))) {
    const kept = await disk.fsync(WHY, folder);
    if (!kept.ok) return kept;
  }
  return ok(undefined);
}

async function stageFile(
  { repository }: WorkingCopy,
  path: string,
  value: Tree,
  canonical: boolean,
): Promise<Result<void, WorkingCopyError>> {
  const { disk } = repository;
  const digest = digestIn(value);
  if (digest === null) {
    const text = canonical ? treeText(value) : laidOut(value, INDENT);
    return writeTemporary(disk, WHY, path, MODE, (file) => file.write(Buffer.from(text)));
  }
  const object = await findObject(repository, digest);
  if (!object.ok) return object;
  const source = object.value.path;
  return writeTemporary(disk, WHY, path, MODE, async (file): Promise<Result<void, RepositoryError>> => {
    const hasher = new Bun.CryptoHasher("sha256");
    try {
      for await (const chunk of fileBytes(repository, source)) {
        hasher.update(chunk);
        const written = await file.write(chunk);
        if (!written.ok) return written;
      }
    } catch (cause) {
      if (cause instanceof ReadFailed) return err(cause.error);
      throw cause;
    }
    const found = hasher.digest("hex") as typeof digest;
    return found === digest ? ok(undefined) : err({ kind: "badObject", digest, found, path: source });
  });
}

/** The folder, made if need be, with nothing in it: what an earlier call left when it was killed is gone. */
async function emptyFolder(disk: Disk, folder: string): DiskResult<void> {
  const made = await makeWithParents(disk, WHY, folder);
  if (!made.ok) return made;
  const names = await disk.list(WHY, folder);
  if (!names.ok) return names;
  for (const name of names.value) {
    const gone = await disk.unlink(WHY, `${folder}/${name}`);
    if (!gone.ok && gone.error.kind !== "missing") return gone;
  }
  return ok(undefined);
}
