/** Layers over each other become one tree: safe, sorted, and the same for the same layers. */
import { join } from "node:path";
import { type Entry, encodeName } from "../../../tar/index.ts";
import { fail } from "../fault.ts";
import { type ImageLimits, imageLimits } from "../limits.ts";
import { applyLayer, type LayerWork, type Tally } from "./layer.ts";
import { openScratch, type Scratch } from "./scratch.ts";
import { folderAt, IMPLIED, type Inode, type Node, newTree, PATH_BYTES_MAX, place, type Tree } from "./tree.ts";

/** An archive without compression, and what to call it in errors. */
export interface PlainLayer {
  readonly name: string;
  /** A digest is checked by the time the last byte has come. */
  readonly proven: boolean;
  open(): AsyncIterable<Uint8Array>;
}

export interface FlattenOptions {
  /** An existing folder for the contents of all files. */
  readonly scratchFolder: string;
  readonly whiteouts: boolean;
  readonly keepTimes: boolean;
  readonly mine: { readonly uid: number; readonly gid: number } | null;
  readonly without: ReadonlySet<string>;
  /** The folders that a read-only root must have (reference authoring 2.3, step 5). */
  readonly mountPoints: boolean;
  readonly limits?: ImageLimits;
}

/** One root file system. */
export interface FlatTree {
  /** Names, the root not counted. */
  readonly count: number;
  /** Extended attributes that no device could use and were left out, by name. */
  readonly dropped: ReadonlyMap<string, number>;
  /**
   * Everything in it as entries of an archive, from the beginning, as often as wanted: `./` first, then each folder before what is in
   * it, names of a folder in the order of their bytes. The first name of a file has the contents, later ones are links to it.
   */
  entries(): AsyncGenerator<Entry>;
  close(): Promise<void>;
}

const MOUNT_POINTS = ["proc", "sys", "dev", "tmp", "var/tmp", "run", "var/run"];

/** Reads every layer once, the lowest first. Throws BadImage. */
export async function flatten(layers: readonly PlainLayer[], options: FlattenOptions): Promise<FlatTree> {
  const { limits = imageLimits, scratchFolder } = options;
  const scratch = await openScratch(join(scratchFolder, "contents"));
  try {
    const tree = newTree();
    const tally: Tally = { metadataBytes: 0, unpackedBytes: 0, dropped: new Map() };
    const work: LayerWork = { ...options, limits, tree, scratch, tally };
    for (const [number, { name, proven, open }] of layers.entries()) {
      await applyLayer(work, name, number, counted(open(), tally, limits), proven);
    }
    if (options.mountPoints) addMountPoints(tree, layers.length);
    for (const _ of walk(tree.root, "")); // whoever packs it meets no fault any more
    return {
      count: tree.count,
      dropped: tally.dropped,
      entries: () => entriesOf(tree, scratch),
      close: () => scratch.close(),
    };
  } catch (error) {
    await scratch.close();
    throw error;
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  tally: Tally,
  { unpackedBytesMax }: ImageLimits,
): AsyncGenerator<Uint8Array> {
  for await (const part of source) {
    tally.unpackedBytes += part.byteLength;
    if (tally.unpackedBytes > unpackedBytesMax) {
      fail({ kind: "tooLarge", what: "the image, unpacked", most: unpackedBytesMax, unit: "bytes" });
    }
    yield part;
  }
}

/** Whatever has the name already stays, a link such as /var/run -> /run above all. */
function addMountPoints(tree: Tree, layer: number): void {
  for (const path of MOUNT_POINTS) {
    const parts = path.split("/");
    const leave = (): never => {
      throw new NoPlace();
    };
    try {
      const parent = folderAt(tree, parts.slice(0, -1), layer, leave);
      if (parent?.children?.has(parts.at(-1) ?? "") === false) {
        place(tree, parts, { ...IMPLIED, mode: path.endsWith("tmp") ? 0o1777 : 0o755 }, layer, leave);
      }
    } catch (error) {
      if (!(error instanceof NoPlace)) throw error; // /var is a file, or such: the image's own business
    }
  }
}

class NoPlace extends Error {}

async function* entriesOf(tree: Tree, scratch: Scratch): AsyncGenerator<Entry> {
  const first = new Map<Inode, string>();
  yield { ...tree.root.inode, name: "./" } as Entry & { kind: "folder" };
  for (const [name, { inode }] of walk(tree.root, "")) {
    if (inode.kind !== "file") {
      yield { ...inode, name };
      continue;
    }
    const target = first.get(inode);
    const { atBytes, sizeBytes, ...common } = inode;
    if (target !== undefined) yield { ...common, xattrs: new Map(), name, kind: "hardlink", target };
    else {
      first.set(inode, name);
      yield { ...common, name, kind: "file", sizeBytes, bytes: scratch.read(atBytes, sizeBytes) };
    }
  }
}

function* walk({ children }: Node, before: string): Generator<readonly [string, Node]> {
  const names = [...(children?.keys() ?? [])].map((name) => [encodeName(name), name] as const);
  for (const [, name] of names.sort(([a], [b]) => Buffer.compare(a, b))) {
    const child = children?.get(name);
    if (child === undefined) continue;
    const path = `${before}${name}`;
    if (path.length > PATH_BYTES_MAX) fail({ kind: "layer", blob: "the image", problem: "nameTooLong", name: path });
    yield [path, child];
    yield* walk(child, `${path}/`);
  }
}
