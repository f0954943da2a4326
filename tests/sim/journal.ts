import type { Rng } from "./rng.ts";
import type { FolderNode, Node } from "./tree.ts";

/** One name that gets another inode, or none. */
export interface Change {
  readonly folder: FolderNode;
  readonly name: string;
  readonly before: Node | undefined;
  readonly after: Node | undefined;
}

/** The changes of one call: all of them survive or none does. */
interface Operation {
  readonly changes: readonly Change[];
  /** Earlier ones on the same names: it makes no sense without them. */
  readonly needs: readonly Operation[];
  durable: boolean;
  kept: boolean;
}

/**
 * In which order changes of names reach the medium. `ordered`: as they were made, so that a prefix of them survives, as in the journal
 * of ext4. `reordered`: in any, as with FAT; only changes of one name keep theirs.
 */
export type Order = "ordered" | "reordered";

/** What a reader may find under a name that does not replay the journal: the choice among all its versions since it was settled. */
export type Versions = ReadonlyMap<FolderNode, ReadonlyMap<string, Node | undefined>>;

const put = ({ folder, name }: Change, node: Node | undefined): void => {
  if (node === undefined) folder.entries.delete(name);
  else folder.entries.set(name, node);
};

/** The changes of names since the file system was last settled, and which of them are durable. */
export class Journal {
  readonly #order: Order;
  #operations: Operation[] = [];
  /** Everything before it is durable. */
  #undecided = 0;
  readonly #latest = new Map<FolderNode, Map<string, Operation>>();

  constructor(order: Order) {
    this.#order = order;
  }

  /** Makes changes. */
  do(...changes: readonly Change[]): void {
    for (const change of changes) {
      put(change, change.after);
      if (change.before !== undefined) change.before.links -= 1;
      if (change.after !== undefined) change.after.links += 1;
    }
    const operation: Operation = { changes, needs: this.#earlier(changes), durable: false, kept: false };
    this.#operations.push(operation);
    if (this.#order === "reordered") this.#remember(operation);
  }

  #earlier(changes: readonly Change[]): readonly Operation[] {
    if (this.#latest.size === 0) return [];
    return changes.flatMap(({ folder, name }) => this.#latest.get(folder)?.get(name) ?? []);
  }

  #remember(operation: Operation): void {
    for (const { folder, name } of operation.changes) {
      const names = this.#latest.get(folder);
      if (names === undefined) this.#latest.set(folder, new Map([[name, operation]]));
      else names.set(name, operation);
    }
  }

  /** A folder was fsynced: the names in it are durable. One that moved between folders is where it is new. */
  commit(folder: FolderNode): void {
    const touches = ({ changes }: Operation): boolean => changes.at(-1)?.folder === folder;
    if (this.#order === "ordered") {
      const last = this.#operations.findLastIndex(touches);
      this.#undecided = Math.max(this.#undecided, last + 1);
      return;
    }
    for (let at = this.#undecided; at < this.#operations.length; at += 1) {
      const operation = this.#operations[at];
      if (operation !== undefined && touches(operation)) keep(operation);
    }
    while (this.#operations[this.#undecided]?.durable) this.#undecided += 1;
  }

  /** Everything is durable. */
  commitAll(): void {
    this.#undecided = this.#operations.length;
  }

  /** Everything is durable and at home. */
  forget(): void {
    this.#operations = [];
    this.#undecided = 0;
    this.#latest.clear();
  }

  /**
   * The power went: takes back what did not survive and forgets the rest. The value is one choice of what a reader without the
   * journal sees of what did.
   */
  survive(rng: Rng): Versions {
    this.#choose(rng);
    for (const { changes } of this.#operations.toReversed()) {
      for (const change of changes.toReversed()) put(change, change.before);
    }
    const versions = new Map<FolderNode, Map<string, Node | undefined>>();
    const counts = new Map<FolderNode, Map<string, number>>();
    for (const { kept, changes } of this.#operations) {
      if (!kept) continue;
      for (const change of changes) {
        pickVersion(rng, versions, counts, change);
        put(change, change.after);
      }
    }
    this.forget();
    return versions;
  }

  #choose(rng: Rng): void {
    const open = this.#operations.length - this.#undecided;
    if (this.#order === "ordered") {
      const more = rng.pick([0, open, rng.below(open + 1), rng.below(open + 1)]);
      for (const [at, operation] of this.#operations.entries()) operation.kept = at < this.#undecided + more;
      return;
    }
    const probability = rng.pick([0, 0.1, 0.5, 0.9, 1]);
    for (const [at, operation] of this.#operations.entries()) {
      operation.kept =
        at < this.#undecided ||
        operation.durable ||
        (operation.needs.every(({ kept }) => kept) && rng.chance(probability));
    }
  }
}

function keep(operation: Operation): void {
  if (operation.durable) return;
  operation.durable = true;
  operation.needs.forEach(keep);
}

/** Chooses among the versions of a name as they go by, each as likely as any other. */
function pickVersion(
  rng: Rng,
  versions: Map<FolderNode, Map<string, Node | undefined>>,
  counts: Map<FolderNode, Map<string, number>>,
  { folder, name, after }: Change,
): void {
  const [chosen, seen] = [versions.get(folder) ?? new Map(), counts.get(folder) ?? new Map()];
  versions.set(folder, chosen);
  counts.set(folder, seen);
  const count = (seen.get(name) ?? 1) + 1;
  seen.set(name, count);
  if (count === 2) chosen.set(name, folder.entries.get(name)); // as it was settled
  if (rng.below(count) === 0) chosen.set(name, after);
}
