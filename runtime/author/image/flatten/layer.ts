import { type Attributes, BadTar, type Member, readTar } from "../../../tar/index.ts";
import { fail, type LayerProblem } from "../fault.ts";
import type { ImageLimits } from "../limits.ts";
import type { Scratch } from "./scratch.ts";
import { componentsOf, type Inode, linkTarget, opaque, place, type Refuse, type Tree, whiteout } from "./tree.ts";

/** What flattening has seen so far, of all layers. */
export interface Tally {
  metadataBytes: number;
  unpackedBytes: number;
  /** Extended attributes that were left out, by name. */
  readonly dropped: Map<string, number>;
}

export interface LayerWork {
  readonly tree: Tree;
  readonly scratch: Scratch;
  readonly tally: Tally;
  readonly limits: ImageLimits;
  /** The id of whoever runs this, whose files become root's; null leaves owners as they are. */
  readonly mine: { readonly uid: number; readonly gid: number } | null;
  /** False for a plain archive, where `.wh.` is a name like any other. */
  readonly whiteouts: boolean;
  /** Keeps the times of files; otherwise all are 0, so that a rebuild with the same contents gives the same bytes. */
  readonly keepTimes: boolean;
  /** Top-level names that are left out. */
  readonly without: ReadonlySet<string>;
}

/** OCI image-spec, layer.md, "Whiteouts". */
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** Files that aufs kept for itself; nothing refers to them today. */
const AUFS = ".wh..wh.";

/** Puts the unpacked archive `source` over the tree as the layer with that number; `blob` names it for errors; `proven`: a digest tells whether it is whole. */
export async function applyLayer(
  work: LayerWork,
  blob: string,
  layer: number,
  source: AsyncIterable<Uint8Array>,
  proven: boolean,
): Promise<void> {
  const { limits } = work;
  const members = readTar(source, {
    membersMax: limits.entriesMax,
    bytesMax: limits.unpackedBytesMax,
    endMark: !proven,
  });
  try {
    for await (const member of members) {
      const refuse: Refuse = (problem: LayerProblem) => fail({ kind: "layer", blob, problem, name: member.name });
      await applyMember(work, layer, member, refuse);
    }
  } catch (error) {
    if (error instanceof BadTar) fail({ kind: "tar", blob, fault: error.fault });
    throw error;
  }
}

async function applyMember(work: LayerWork, layer: number, member: Member, refuse: Refuse): Promise<void> {
  const { tree, limits, tally } = work;
  const parts = componentsOf(member.name, refuse);
  if (work.without.has(parts[0] ?? "")) return;
  if (work.whiteouts && applyWhiteout(tree, parts, layer, refuse)) return;
  if (member.kind === "hardlink") {
    place(tree, parts, linkTarget(tree, componentsOf(member.target, refuse), refuse), layer, refuse);
  } else {
    place(tree, parts, await inodeOf(work, member), layer, refuse);
  }
  tally.metadataBytes += 200 + member.name.length + ("target" in member ? member.target.length : 0);
  if (tree.count > limits.entriesMax) {
    fail({ kind: "tooLarge", what: "the image", most: limits.entriesMax, unit: "entries" });
  }
  if (tally.metadataBytes > limits.metadataBytesMax) {
    fail({ kind: "tooLarge", what: "names in the image", most: limits.metadataBytesMax, unit: "bytes" });
  }
}

/** True when the name was that of a whiteout or belongs to one. */
function applyWhiteout(tree: Tree, parts: readonly string[], layer: number, refuse: Refuse): boolean {
  const at = parts.findIndex((part) => part.startsWith(WHITEOUT));
  const marker = parts[at];
  if (marker === undefined) return false;
  const folder = parts.slice(0, at);
  if (marker === OPAQUE && at === parts.length - 1) {
    opaque(tree, folder, layer, refuse);
    return true;
  }
  if (marker.startsWith(AUFS)) return true;
  const name = marker.slice(WHITEOUT.length);
  if (at !== parts.length - 1 || name === "" || name === "." || name === "..") refuse("badWhiteout");
  whiteout(tree, folder, name, layer, refuse);
  return true;
}

async function inodeOf(work: LayerWork, member: Exclude<Member, { kind: "hardlink" }>): Promise<Inode> {
  const { mine, keepTimes, scratch } = work;
  const { mode, uid, gid } = member;
  const common = {
    mode: member.kind === "symlink" ? 0o777 : mode, // no Linux file system knows another
    uid: uid === mine?.uid ? 0 : uid,
    gid: gid === mine?.gid ? 0 : gid,
    mtimeSeconds: keepTimes ? member.mtimeSeconds : 0,
    xattrs: xattrsOf(work.tally, member),
  };
  switch (member.kind) {
    case "file": {
      const atBytes = await scratch.append(member.bytes);
      return { ...common, kind: "file", sizeBytes: member.sizeBytes, atBytes };
    }
    case "symlink":
      return { ...common, kind: "symlink", target: member.target };
    case "charDevice":
    case "blockDevice":
      return { ...common, kind: member.kind, major: member.major, minor: member.minor };
    case "folder":
      return { ...common, kind: "folder" };
    case "fifo":
      return { ...common, kind: "fifo" };
  }
}

/** What file systems of devices store; overlayfs takes its own for orders about other folders (kernel, filesystems/overlayfs.rst). */
const KEPT = /^(?:user|security|trusted)\.|^system\.posix_acl_(?:access|default)$/;
const OVERLAY = /^(?:user|trusted)\.overlay\./;
const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();

function xattrsOf(tally: Tally, { xattrs }: Attributes): ReadonlyMap<string, Uint8Array> {
  if (xattrs.size === 0) return NO_XATTRS;
  const kept = new Map<string, Uint8Array>();
  for (const [name, value] of xattrs) {
    if (KEPT.test(name) && !OVERLAY.test(name)) {
      kept.set(name, Uint8Array.from(value)); // the chunk it lies in is not held
      tally.metadataBytes += name.length + value.byteLength;
    } else tally.dropped.set(name, (tally.dropped.get(name) ?? 0) + 1);
  }
  return kept;
}
