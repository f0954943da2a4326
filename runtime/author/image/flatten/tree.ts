import type { Attributes, Kind } from "../../../tar/index.ts";
import type { LayerProblem } from "../fault.ts";

/** What names point to. A hard link is a second name of one inode. */
export type Inode = Omit<Attributes, "name"> &
  (
    | { readonly kind: "file"; readonly sizeBytes: number; readonly atBytes: number }
    | Exclude<Kind, { readonly kind: "file" | "hardlink" }>
  );

export interface Node {
  inode: Inode;
  /** The layer that put it there, counted from 0. */
  layer: number;
  /** Null for everything but folders. */
  readonly children: Map<string, Node> | null;
}

export interface Tree {
  readonly root: Node;
  /** Names in it, the root not counted. */
  count: number;
  /** Components looked up. Links that lead through links can make one name cost thousands. */
  steps: number;
}

/** A folder that no layer describes. */
export const IMPLIED: Inode = { kind: "folder", mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0, xattrs: new Map() };

export const NAME_BYTES_MAX = 255; // NAME_MAX, limits.h
export const PATH_BYTES_MAX = 4095; // PATH_MAX without its NUL
const DEPTH_MAX = 512;
const STEPS_MAX = 200_000_000;
const LINKS_MAX = 40; // MAXSYMLINKS, path_resolution(7)

export type Refuse = (problem: LayerProblem) => never;

export const newTree = (): Tree => ({ root: folder(IMPLIED, -1), count: 0, steps: 0 });
const folder = (inode: Inode, layer: number): Node => ({ inode, layer, children: new Map() });

/** Components of a name in an archive, counted from the root whatever it begins with; `..` is refused, as no honest tool writes it. */
export function componentsOf(name: string, refuse: Refuse): readonly string[] {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  for (const part of parts) {
    if (part === "..") refuse("outside");
    // Bytes that are no UTF-8 count three each here: a name of 255 of them is refused, too.
    if (part.length > NAME_BYTES_MAX || Buffer.byteLength(part) > NAME_BYTES_MAX) refuse("nameTooLong");
  }
  return parts;
}

interface Walk {
  /** From the root down; the root is what `..` of the root is, as for a process inside. */
  readonly stack: Node[];
  links: number;
}

const top = ({ stack }: Walk): Node => {
  const node = stack.at(-1);
  if (node === undefined) throw new RangeError("a walk always stands somewhere");
  return node;
};

/**
 * The folder at `parts`, its symbolic links followed as a process would see them whose root the image is. What is missing is made with
 * `make`, as a folder of that layer, and what is there and no folder is refused; without `make` both give null.
 */
export function folderAt(tree: Tree, parts: readonly string[], make: number | null, refuse: Refuse): Node | null {
  const walk: Walk = { stack: [tree.root], links: 0 };
  return descend(tree, walk, parts, make, refuse) ? top(walk) : null;
}

function descend(tree: Tree, walk: Walk, parts: readonly string[], make: number | null, refuse: Refuse): boolean {
  for (const part of parts) {
    if (part === "" || part === ".") continue;
    if (++tree.steps > STEPS_MAX) refuse("linkLoop");
    if (part === "..") {
      if (walk.stack.length > 1) walk.stack.pop();
      continue;
    }
    const here = top(walk);
    let next = here.children?.get(part);
    if (next === undefined) {
      if (make === null) return false;
      if (Buffer.byteLength(part) > NAME_BYTES_MAX) refuse("nameTooLong");
      next = folder(IMPLIED, make);
      here.children?.set(part, next);
      tree.count++;
    }
    if (next.inode.kind === "symlink") {
      if (++walk.links > LINKS_MAX) refuse("linkLoop");
      const { target } = next.inode;
      if (target.startsWith("/")) walk.stack.length = 1;
      if (!descend(tree, walk, target.split("/"), make, refuse)) return false;
    } else if (next.children === null) {
      // umoci whites out what was in a folder that becomes a file.
      if (make === null) return false;
      refuse("noFolder");
    } else {
      if (walk.stack.length > DEPTH_MAX) refuse("tooDeep");
      walk.stack.push(next);
    }
  }
  return true;
}

/** Puts `inode` there: a folder over a folder keeps what is inside, everything else replaces what was there with all below it. */
export function place(tree: Tree, parts: readonly string[], inode: Inode, layer: number, refuse: Refuse): void {
  const last = parts.at(-1);
  if (last === undefined) {
    if (inode.kind === "folder") tree.root.inode = inode;
    else refuse("outside"); // something else in place of the root
    return;
  }
  const parent = folderAt(tree, parts.slice(0, -1), layer, refuse);
  if (parent === null || parent.children === null) return;
  const old = parent.children.get(last);
  if (old?.children != null && inode.kind === "folder") {
    old.inode = inode;
    old.layer = layer;
    return;
  }
  if (old !== undefined) tree.count -= sizeOf(old);
  parent.children.set(last, inode.kind === "folder" ? folder(inode, layer) : { inode, layer, children: null });
  tree.count++;
}

/** What a hard link names: the parents' symbolic links are followed, the last one is not (link(2)). */
export function linkTarget(tree: Tree, parts: readonly string[], refuse: Refuse): Inode {
  const last = parts.at(-1);
  const parent = last === undefined ? null : folderAt(tree, parts.slice(0, -1), null, refuse);
  const found = last === undefined ? undefined : parent?.children?.get(last);
  if (last === undefined || found?.children != null) return refuse("linkToFolder");
  return found === undefined ? refuse("noLinkTarget") : found.inode;
}

/** A whiteout: what lower layers put there is gone; what this one did stays, whichever came first (OCI image-spec, layer.md). */
export function whiteout(tree: Tree, parts: readonly string[], name: string, layer: number, refuse: Refuse): void {
  const parent = folderAt(tree, parts, null, refuse);
  const found = parent?.children?.get(name);
  if (found !== undefined && prune(tree, found, layer)) parent?.children?.delete(name);
}

/** An opaque folder: nothing that lower layers put into it is left. */
export function opaque(tree: Tree, parts: readonly string[], layer: number, refuse: Refuse): void {
  const found = folderAt(tree, parts, layer, refuse);
  if (found !== null) pruneChildren(tree, found, layer);
}

/** True when nothing of it stays. */
function prune(tree: Tree, node: Node, layer: number): boolean {
  pruneChildren(tree, node, layer);
  if (node.layer >= layer) return false;
  if ((node.children?.size ?? 0) > 0) {
    node.inode = IMPLIED;
    node.layer = layer;
    return false;
  }
  tree.count--;
  return true;
}

function pruneChildren(tree: Tree, { children }: Node, layer: number): void {
  for (const [name, child] of children ?? []) if (prune(tree, child, layer)) children?.delete(name);
}

function sizeOf({ children }: Node): number {
  let count = 1;
  for (const child of children?.values() ?? []) count += sizeOf(child);
  return count;
}
