import { dirname, resolve } from "node:path";
import { err, ok, type Result } from "../../result.ts";
import { canonical, limits } from "../../state/index.ts";
import { type Disk, readFile, saveFile } from "../../store/index.ts";
import { type Revision, readRevision, revisionText, SPEC_KEY } from "../document/index.ts";
import { type Config, emptyConfig, type Remembered, readConfig, saveConfig } from "./config.ts";
import type { RepositoryError } from "./fault.ts";

const WHY = "author/state";

/** What a repository is for, when nobody says otherwise. */
export const DEFAULT_SPEC = "pantavisor-service-system@1";

/** One repository that was found. `folder` has the committed state in it: `.pvr` of a working copy, or an unpacked export. */
export interface Repository {
  readonly disk: Disk;
  readonly folder: string;
  readonly config: Config;
  /** Absolute; new objects go there. */
  readonly objectsFolder: string;
}

/** Where this program keeps what `pvr` does not know, inside `.pvr`. */
export const ownFolder = ({ folder }: Pick<Repository, "folder">): string => `${folder}/cairn`;

/** The folder of the user's settings, shared objects among them: `PVR_CONFIG_DIR`, else `~/.pvr`. */
export const userFolder = (environment: Readonly<Record<string, string | undefined>>): string =>
  resolve(environment["PVR_CONFIG_DIR"] || `${environment["HOME"] || "/root"}/.pvr`);

const statePath = (folder: string): string => `${folder}/json`;

/** The repository of a working copy. */
export const openRepository = (disk: Disk, root: string): Promise<Result<Repository, RepositoryError>> =>
  openBare(disk, `${resolve(root)}/.pvr`, resolve(root));

/** A repository without a working copy: `.pvr` itself, or an unpacked export. */
export async function openBare(
  disk: Disk,
  folder: string,
  named: string = folder,
): Promise<Result<Repository, RepositoryError>> {
  const state = await disk.stat(WHY, statePath(folder));
  if (!state.ok) {
    const none = state.error.kind === "missing" || state.error.kind === "notFolder";
    return none ? err({ kind: "noRepository", folder: named }) : state;
  }
  const read = await readConfig(disk, folder);
  if (!read.ok) return read;
  const config = read.value ?? emptyConfig("");
  const { ObjectsDir } = config;
  const objectsFolder = ObjectsDir === "" ? `${folder}/objects` : resolve(dirname(folder), ObjectsDir);
  return ok({ disk, folder, config, objectsFolder });
}

export interface NewRepository {
  readonly spec: string;
  /** Absolute, or relative to `root`. */
  readonly objectsDir: string;
  readonly user: string;
}

/** Makes the `.pvr` of a working copy. The state comes last: without it there is no repository, and this can be run again. */
export async function createRepository(
  disk: Disk,
  root: string,
  { spec, objectsDir, user }: NewRepository,
): Promise<Result<Repository, RepositoryError>> {
  const folder = `${resolve(root)}/.pvr`;
  if (folder === user) return err({ kind: "userFolder", folder });
  const there = await openRepository(disk, root);
  if (there.ok) return err({ kind: "isRepository", folder: resolve(root) });
  if (there.error.kind !== "noRepository") return there;
  const configured = await saveConfig(disk, folder, emptyConfig(objectsDir));
  if (!configured.ok) return configured;
  const text = Buffer.from(`{ "${SPEC_KEY}": ${canonical(spec)} }`);
  const saved = await saveFile(disk, WHY, statePath(folder), text);
  return saved.ok ? openRepository(disk, root) : saved;
}

/** A folder in the form of an unpacked export, with nothing in it yet. */
export async function createBare(
  disk: Disk,
  folder: string,
  spec: string,
): Promise<Result<Repository, RepositoryError>> {
  const text = Buffer.from(`{"${SPEC_KEY}":${canonical(spec)}}`);
  const saved = await saveFile(disk, WHY, statePath(folder), text);
  return saved.ok ? openBare(disk, folder) : saved;
}

/** The committed state. */
export async function readState(repository: Repository): Promise<Result<Revision, RepositoryError>> {
  const text = await readStateText(repository);
  return text.ok ? parseState(repository, text.value) : text;
}

/** What the text of a repository's state says. */
export function parseState(repository: Repository, text: string): Result<Revision, RepositoryError> {
  const revision = readRevision(text);
  if (revision.ok) return revision;
  return err({ kind: "badFile", path: statePath(repository.folder), problem: revision.error.problem });
}

/** Its text as it is; a state that was written by hand is not canonical before its first commit. */
export async function readStateText({ disk, folder }: Repository): Promise<Result<string, RepositoryError>> {
  const path = statePath(folder);
  const bytes = await readFile(disk, WHY, path, limits.stateBytesMax);
  if (!bytes.ok) return bytes;
  try {
    return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.value));
  } catch {
    return err({ kind: "badFile", path, problem: "not UTF-8" });
  }
}

/** The moment of a commit: from here on the new state is the repository's. Its objects are durable by then. */
export const saveState = ({ disk, folder }: Repository, revision: Revision): ReturnType<typeof saveFile> =>
  saveFile(disk, WHY, statePath(folder), Buffer.from(revisionText(revision)));

/** What identifies a state: the SHA-256 of its canonical text, as a hub has it (reference authoring 5.1). */
export const stateSha = (revision: Revision): string =>
  new Bun.CryptoHasher("sha256").update(revisionText(revision)).digest("hex");

/** When the state was last replaced, in milliseconds since 1970. */
export async function stateChangedMs({ disk, folder }: Repository): Promise<Result<number, RepositoryError>> {
  const info = await disk.stat(WHY, statePath(folder));
  return info.ok ? ok(Number(info.value.mtimeNs / 1_000_000n)) : info;
}

/** Keeps a reference for the next call without one. */
export async function remember(
  { disk, folder, config }: Repository,
  which: Remembered,
  reference: string,
): Promise<Result<void, RepositoryError>> {
  return config[which] === reference ? ok(undefined) : saveConfig(disk, folder, { ...config, [which]: reference });
}
