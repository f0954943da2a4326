import type { Digest, RevisionName } from "../state/index.ts";
import type { Disk } from "./disk.ts";
import { type Gate, openGate } from "./gate.ts";
import { type Hashing, openHashing } from "./hash.ts";

/**
 * Entries of a revision that are checked at the same time. Each holds one open file; more would only let later containers' files
 * overtake earlier ones'.
 */
const CHECKS_AT_ONCE = 4;

/** A storage tree (reference 5.1): the disk it is on, its top folder (`/storage` on a device), and the queues for its files. */
export interface Store {
  readonly disk: Disk;
  readonly root: string;
  readonly hashing: Hashing;
  /** The queue in which files of revisions are checked. */
  readonly checks: Gate;
  /** Between a digest and `.tmp` in the names of unfinished objects. */
  readonly writer: string;
}

/**
 * Names a storage tree; touches nothing. `root` is an existing folder, absolute, without a slash at the end. Processes that put objects
 * into one tree at the same time each have a `writer` of their own: none then takes another's unfinished object for its own.
 */
export const openStore = (disk: Disk, root: string, writer?: string): Store => ({
  disk,
  root,
  writer: writer === undefined ? "" : `.${writer}`,
  hashing: openHashing(disk),
  checks: openGate(CHECKS_AT_ONCE),
});

type Root = Pick<Store, "root">;

export const objectsFolder = ({ root }: Root): string => `${root}/objects`;
export const objectPath = (store: Root, digest: Digest): string => `${objectsFolder(store)}/${digest}`;
/** Where the files of a revision are checked out, `trails/<rev>`. */
export const trailFolder = ({ root }: Root, rev: RevisionName): string => `${root}/trails/${rev}`;
/** The state text, `.pvr/json`. */
export const statePath = (store: Root, rev: RevisionName): string => `${trailFolder(store, rev)}/.pvr/json`;
/** A file of the runtime in a trail: `done`, `progress`, boot file links (reference 5.1). */
export const pvPath = (store: Root, rev: RevisionName, name: string): string =>
  `${trailFolder(store, rev)}/.pv/${name}`;
