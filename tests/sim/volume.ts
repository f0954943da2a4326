import { invariant } from "../../runtime/result.ts";
import type { DiskFault } from "../../runtime/store/index.ts";
import { type Change, Journal, type Order, type Versions } from "./journal.ts";
import type { Rng } from "./rng.ts";
import { torn } from "./torn.ts";
import {
  contains,
  copyOf,
  type FileNode,
  type FolderNode,
  find,
  isTooLong,
  type Node,
  type Place,
  partsOf,
  recount,
  type SymlinkNode,
} from "./tree.ts";

/** Of ext4. */
const LINKS_MAX = 65_000;

interface Cut {
  readonly versions: Versions;
  readonly alive: ReadonlySet<Node>;
  /** What the loader was told so far. */
  readonly read: Map<FileNode, Uint8Array | null>;
  readonly entered: Map<FolderNode, boolean>;
}

type Refused = DiskFault | null;
type Found = Place & { readonly node: Node };

/** Faults are words, values are not. */
const isFault = <T extends object>(found: T | DiskFault): found is DiskFault => typeof found === "string";

/**
 * One simulated file system: what its calls see, what would survive, and where it would be found. No call is asynchronous or fails by
 * accident here; the errors are those of the calls themselves, null is success.
 */
export class Volume {
  readonly #rng: Rng;
  readonly #journal: Journal;
  readonly #replayed: boolean;
  #root: FolderNode;
  #inodes: number;
  #clock = 0;
  /** What a reader without the journal does not know as it is now. */
  #unsettled = new Set<Node>();
  #cut: Cut | null = null;
  usedBytes = 0;

  /** `replayed`: there is no journal that a reader could miss. `at`: a folder that must be there. */
  constructor(rng: Rng, order: Order, replayed: boolean, from: FolderNode | null, at: string) {
    this.#rng = rng;
    this.#journal = new Journal(order);
    this.#replayed = replayed;
    this.#root = from === null ? newRoot() : copyOf(from);
    this.#inodes = from === null ? 1 : highestInode(this.#root);
    let folder = "";
    for (const name of partsOf(at)) {
      folder = `${folder}/${name}`;
      this.mkdir(folder);
    }
    this.settle();
    this.recover();
  }

  #find(path: string): Place | DiskFault {
    const at = find(this.#root, path);
    return !isFault(at) && isTooLong(at.name) ? "nameTooLong" : at;
  }

  /** For calls with two paths, whose errors come in the order of the kernel: both folders, then one name, then the other. */
  #findBoth(one: string, other: string): readonly [Found, Place] | DiskFault {
    const [a, b] = [find(this.#root, one), find(this.#root, other)];
    if (isFault(a)) return a;
    if (isFault(b)) return b;
    if (isTooLong(a.name)) return "nameTooLong";
    const { parent, name, node } = a;
    if (node === undefined) return "missing";
    return isTooLong(b.name) ? "nameTooLong" : [{ parent, name, node }, b];
  }

  #stamps(): { inode: number; links: number; modifiedAt: number; changedAt: number } {
    this.#inodes += 1;
    return { inode: this.#inodes, links: 0, modifiedAt: this.#clock, changedAt: this.#clock };
  }

  /** Does changes of names, with the times that go with them. */
  #do(...changes: readonly Change[]): void {
    this.#clock += 1;
    this.#journal.do(...changes);
    for (const { folder, before, after } of changes) {
      folder.modifiedAt = this.#clock;
      folder.changedAt = this.#clock;
      if (after !== undefined) after.changedAt = this.#clock;
      if (before === undefined) continue;
      before.changedAt = this.#clock;
      this.#free(before);
    }
  }

  #free(node: Node): void {
    if (node.type === "file" && node.links === 0 && node.open === 0) this.usedBytes -= node.bytes.byteLength;
  }

  #add<N extends Node>(path: string, node: () => N): N | DiskFault {
    const at = this.#find(path);
    if (isFault(at)) return at;
    if (at.node !== undefined) return "exists";
    const made = node();
    this.#unsettled.add(made);
    this.#do({ folder: at.parent, name: at.name, before: undefined, after: made });
    return made;
  }

  #there(path: string): Node | DiskFault {
    const at = this.#find(path);
    return isFault(at) ? at : (at.node ?? "missing");
  }

  create(path: string): FileNode | DiskFault {
    const made = this.#add(path, () => newFile(this.#stamps()));
    if (!isFault(made)) made.open += 1;
    return made;
  }

  open(path: string): FileNode | DiskFault {
    const node = this.#there(path);
    if (isFault(node)) return node;
    if (node.type !== "file") return node.type === "folder" ? "isFolder" : "symlink";
    node.open += 1;
    return node;
  }

  close(file: FileNode): void {
    file.open -= 1;
    this.#free(file);
  }

  append(file: FileNode, bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    const longer = new Uint8Array(file.bytes.byteLength + bytes.byteLength);
    longer.set(file.bytes);
    longer.set(bytes, file.bytes.byteLength);
    file.bytes = longer;
    this.usedBytes += bytes.byteLength;
    this.#clock += 1;
    file.modifiedAt = this.#clock;
    file.changedAt = this.#clock;
    this.#unsettled.add(file);
  }

  /** Makes a file's bytes durable, its names not; `part` of what was not durable yet, 0 to 1. */
  fsyncFile(file: FileNode, part = 1): void {
    if (file.spoilt) return;
    file.syncedBytes += Math.floor((file.bytes.byteLength - file.syncedBytes) * part);
  }

  fsyncFolder(path: string): Refused {
    const node = this.#there(path);
    if (isFault(node)) return node;
    if (node.type !== "folder") return "notFolder";
    this.#journal.commit(node);
    return null;
  }

  rename(from: string, to: string): Refused {
    const both = this.#findBoth(from, to);
    if (isFault(both)) return both;
    const [source, target] = both;
    const moved = source.node;
    if (contains(moved, target.parent)) return "other";
    const replaced = target.node;
    if (replaced === moved) return null;
    if (replaced !== undefined) {
      if (contains(replaced, source.parent)) return "notEmpty";
      if (moved.type === "folder" && replaced.type !== "folder") return "notFolder";
      if (moved.type !== "folder" && replaced.type === "folder") return "isFolder";
      if (replaced.type === "folder" && replaced.entries.size > 0) return "notEmpty";
    }
    this.#do(
      { folder: source.parent, name: source.name, before: moved, after: undefined },
      { folder: target.parent, name: target.name, before: replaced, after: moved },
    );
    return null;
  }

  exchange(a: string, b: string): Refused {
    const both = this.#findBoth(a, b);
    if (isFault(both)) return both;
    const [one, other] = both;
    if (other.node === undefined) return "missing";
    if (contains(one.node, other.parent) || contains(other.node, one.parent)) return "unsupported";
    if (one.node === other.node) return null;
    this.#do(
      { folder: one.parent, name: one.name, before: one.node, after: other.node },
      { folder: other.parent, name: other.name, before: other.node, after: one.node },
    );
    return null;
  }

  link(existing: string, path: string): Refused {
    const node = this.#there(existing);
    if (isFault(node)) return node;
    const at = this.#find(path);
    if (isFault(at)) return at;
    if (at.node !== undefined) return "exists";
    if (node.type === "folder") return "denied";
    if (node.links >= LINKS_MAX) return "tooManyLinks";
    this.#do({ folder: at.parent, name: at.name, before: undefined, after: node });
    return null;
  }

  symlink(target: string, path: string): Refused {
    const made = this.#add(path, (): SymlinkNode => ({ type: "symlink", target, ...this.#stamps() }));
    return isFault(made) ? made : null;
  }

  readlink(path: string): SymlinkNode | DiskFault {
    const node = this.#there(path);
    return isFault(node) || node.type === "symlink" ? node : "notLink";
  }

  unlink(path: string): Refused {
    const at = this.#find(path);
    if (isFault(at)) return at;
    if (at.node === undefined) return "missing";
    if (at.node.type === "folder") return "isFolder";
    this.#do({ folder: at.parent, name: at.name, before: at.node, after: undefined });
    return null;
  }

  mkdir(path: string): Refused {
    const made = this.#add(path, () => newFolder(this.#stamps()));
    return isFault(made) ? made : null;
  }

  rmdir(path: string): Refused {
    const at = this.#find(path);
    if (isFault(at)) return at;
    if (at.node === undefined) return "missing";
    if (at.node.type !== "folder") return "notFolder";
    if (at.node.entries.size > 0) return "notEmpty";
    this.#do({ folder: at.parent, name: at.name, before: at.node, after: undefined });
    return null;
  }

  stat(path: string): Node | DiskFault {
    return this.#there(path);
  }

  list(path: string): readonly string[] | DiskFault {
    const node = this.#there(path);
    if (isFault(node)) return node;
    return node.type === "folder" ? [...node.entries.keys()].sort() : "notFolder";
  }

  /** Everything so far is durable. */
  commitAll(): void {
    this.#journal.commitAll();
    for (const node of this.#unsettled) if (node.type === "file") this.fsyncFile(node);
  }

  /** Everything so far is durable and where a reader finds it that does not replay the journal. */
  settle(): void {
    this.commitAll();
    this.#journal.forget();
    for (const node of this.#unsettled) {
      if (node.type === "file") node.homeBytes = node.syncedBytes;
      if (node.type === "folder") node.atHome = true;
    }
    this.#unsettled = new Set([...this.#unsettled].filter((node) => node.type === "file" && node.spoilt));
  }

  /** The power went: of all states that may be on the medium now, one is. */
  fail(): void {
    if (this.#cut !== null) return;
    const versions = this.#journal.survive(this.#rng);
    const alive = recount(this.#root);
    for (const node of this.#unsettled) {
      if (node.type === "file" && alive.has(node)) node.bytes = torn(this.#rng, node.bytes, node.syncedBytes);
    }
    this.#cut = { versions, alive, read: new Map(), entered: new Map() };
  }

  /** Mounts what survived: the journal is replayed, all is durable and at home. */
  recover(): void {
    this.#cut = null;
    this.#unsettled.clear();
    this.usedBytes = 0;
    for (const node of recount(this.#root)) {
      if (node.type === "folder") node.atHome = true;
      if (node.type !== "file") continue;
      node.syncedBytes = node.bytes.byteLength;
      node.homeBytes = node.bytes.byteLength;
      node.spoilt = false;
      node.open = 0;
      this.usedBytes += node.bytes.byteLength;
    }
  }

  /** The bytes of a file as they are now, or as they survived; null: there is no such file. */
  peek(path: string): Uint8Array | null {
    const node = this.#there(path);
    return !isFault(node) && node.type === "file" ? node.bytes : null;
  }

  get root(): FolderNode {
    return this.#root;
  }

  /** What a reader finds after {@link fail} that does not replay the journal; null: no such file. Asked again it says the same. */
  readWithoutJournal(path: string): Uint8Array | null {
    const cut = this.#cut;
    invariant(cut !== null, "what a loader reads is known once the power went");
    if (this.#replayed) return this.peek(path);
    let node: Node | undefined = this.#root;
    for (const name of partsOf(path)) {
      if (node?.type !== "folder" || !this.#enters(cut, node)) return null;
      const folder: FolderNode = node;
      const changed = cut.versions.get(folder);
      node = changed?.has(name) ? changed.get(name) : folder.entries.get(name);
    }
    if (node?.type !== "file") return null;
    const known = cut.read.get(node);
    if (known !== undefined) return known;
    const found = this.#bytesWithoutJournal(node, cut.alive.has(node));
    cut.read.set(node, found);
    return found;
  }

  #enters({ entered }: Cut, folder: FolderNode): boolean {
    const enters = folder.atHome || (entered.get(folder) ?? this.#rng.chance(0.5));
    entered.set(folder, enters);
    return enters;
  }

  #bytesWithoutJournal({ bytes, homeBytes }: FileNode, alive: boolean): Uint8Array | null {
    const rng = this.#rng;
    const written = homeBytes === null ? bytes : bytes.subarray(0, homeBytes);
    if (!alive) return rng.pick([written, new Uint8Array(), rng.bytes(written.byteLength)]);
    return homeBytes === null ? rng.pick([null, new Uint8Array(), bytes]) : rng.pick([written, bytes]);
  }
}

const newFolder = (stamps: Omit<FolderNode, "type" | "entries" | "atHome">): FolderNode => ({
  type: "folder",
  entries: new Map(),
  atHome: false,
  ...stamps,
});

const newRoot = (): FolderNode => newFolder({ inode: 1, links: 1, modifiedAt: 0, changedAt: 0 });

const newFile = (stamps: Pick<FileNode, "inode" | "links" | "modifiedAt" | "changedAt">): FileNode => ({
  type: "file",
  bytes: new Uint8Array(),
  syncedBytes: 0,
  homeBytes: null,
  spoilt: false,
  open: 0,
  ...stamps,
});

const highestInode = (root: FolderNode): number =>
  [...recount(root)].reduce((highest, { inode }) => Math.max(highest, inode), 0);
