import { posix } from "node:path";
import type { DiskFault } from "../../runtime/store/index.ts";

interface Inode {
  readonly inode: number;
  /** Names of it; folders have one. */
  links: number;
  modifiedAt: number;
  changedAt: number;
}

export interface FileNode extends Inode {
  readonly type: "file";
  /** What calls see. Never changed in place: who holds the array may keep it. */
  bytes: Uint8Array;
  /** So many of them survive a power cut. */
  syncedBytes: number;
  /** So many of them a reader finds that does not replay the journal; null: it does not know the inode. */
  homeBytes: number | null;
  /** The medium failed under it: its bytes will never be durable, whatever a later fsync says. */
  spoilt: boolean;
  /** Open handles. */
  open: number;
}

export interface SymlinkNode extends Inode {
  readonly type: "symlink";
  readonly target: string;
}

export interface FolderNode extends Inode {
  readonly type: "folder";
  readonly entries: Map<string, Node>;
  /** Whether a reader that does not replay the journal knows the inode. */
  atHome: boolean;
}

export type Node = FileNode | SymlinkNode | FolderNode;

/** Where a path leads: `node` is undefined when its last component is not there. */
export interface Place {
  readonly parent: FolderNode;
  readonly name: string;
  readonly node: Node | undefined;
}

/** Of Linux and ext4. */
const SYMLINKS_MAX = 40;
const NAME_BYTES_MAX = 255;

/** Stories use the same few paths again and again. */
const split = new Map<string, readonly string[]>();
const SPLIT_MAX = 4096;

export function partsOf(path: string): readonly string[] {
  const known = split.get(path);
  if (known !== undefined) return known;
  if (split.size >= SPLIT_MAX) split.clear();
  const parts = path.split("/").filter((part) => part !== "");
  split.set(path, parts);
  return parts;
}

export const isTooLong = (name: string): boolean =>
  name.length > NAME_BYTES_MAX / 3 && Buffer.byteLength(name) > NAME_BYTES_MAX;

/** Walks to a path as the kernel does: links are followed on the way, not at its end. The last name may be too long. */
export function find(root: FolderNode, path: string, followed = 0): Place | DiskFault {
  const parts = partsOf(path);
  const last = parts.length - 1;
  let parent = root;
  for (const [at, name] of parts.entries()) {
    const node = parent.entries.get(name);
    if (at === last) return { parent, name, node };
    if (isTooLong(name)) return "nameTooLong";
    if (node === undefined) return "missing";
    if (node.type === "file") return "notFolder";
    if (node.type === "symlink") {
      if (followed === SYMLINKS_MAX) return "symlink";
      const target = posix.resolve(`/${parts.slice(0, at).join("/")}`, node.target);
      return find(root, `${target}/${parts.slice(at + 1).join("/")}`, followed + 1);
    }
    parent = node;
  }
  return { parent: root, name: "", node: root };
}

/** Whether `folder` is `inside` or one of the folders around it. */
export function contains(folder: Node, inside: FolderNode): boolean {
  if (folder.type !== "folder") return false;
  if (folder === inside) return true;
  for (const node of folder.entries.values()) if (contains(node, inside)) return true;
  return false;
}

/** Every name below a folder, with its path. */
export function* walk(folder: FolderNode, above = ""): Generator<readonly [string, Node]> {
  for (const [name, node] of folder.entries) {
    yield [`${above}/${name}`, node];
    if (node.type === "folder") yield* walk(node, `${above}/${name}`);
  }
}

/** Counts the names of everything that can be reached; what is not among the keys is lost. */
export function recount(root: FolderNode): ReadonlySet<Node> {
  const alive = new Set<Node>([root]);
  const visit = (folder: FolderNode): void => {
    for (const node of folder.entries.values()) {
      if (alive.has(node)) {
        node.links += 1;
        continue;
      }
      alive.add(node);
      node.links = 1;
      if (node.type === "folder") visit(node);
    }
  };
  visit(root);
  return alive;
}

/** The same tree with inodes of its own; the bytes are shared. */
export function copyOf(root: FolderNode): FolderNode {
  const copies = new Map<Node, Node>();
  const copy = (node: Node): Node => {
    const known = copies.get(node);
    if (known !== undefined) return known;
    const made: Node = node.type === "folder" ? { ...node, entries: new Map() } : { ...node };
    copies.set(node, made);
    return made;
  };
  const fill = (from: FolderNode): FolderNode => {
    const made = copy(from) as FolderNode;
    for (const [name, node] of from.entries) made.entries.set(name, node.type === "folder" ? fill(node) : copy(node));
    return made;
  };
  return fill(root);
}
