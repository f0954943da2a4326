/** Layers made by hand, flattened, and what came of them as lines. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BadImage, type ImageFault } from "../../../runtime/author/image/fault.ts";
import { type FlattenOptions, flatten } from "../../../runtime/author/image/flatten/index.ts";
import { type Entry, writeTar } from "../../../runtime/tar/index.ts";
import { archive, type Part, pieces } from "../../tar/blocks.ts";

export const PLAIN: Omit<FlattenOptions, "scratchFolder"> = {
  whiteouts: true,
  keepTimes: false,
  mine: null,
  without: new Set(),
  mountPoints: false,
};

/** `kind name` with the target or the contents behind it. */
export async function lineOf(entry: Entry): Promise<string> {
  if ("target" in entry) return `${entry.kind} ${entry.name} > ${entry.target}`;
  if (entry.kind !== "file") return `${entry.kind} ${entry.name}`;
  const text = Buffer.concat(await Array.fromAsync(entry.bytes)).toString("latin1");
  return `file ${entry.name} = ${text.length > 80 ? `${text.length} bytes` : text}`;
}

export interface Flat {
  readonly lines: readonly string[];
  readonly entries: readonly Entry[];
  readonly tar: Buffer;
  readonly dropped: ReadonlyMap<string, number>;
}

export async function flat(layers: readonly Uint8Array[], options: Partial<FlattenOptions> = {}): Promise<Flat> {
  const scratchFolder = mkdtempSync(join(tmpdir(), "flatten-"));
  try {
    const sources = layers.map((bytes, number) => ({
      name: `layer ${number}`,
      proven: false,
      open: () => pieces(bytes, 10_000),
    }));
    const tree = await flatten(sources, { ...PLAIN, scratchFolder, ...options });
    const entries = await Array.fromAsync(tree.entries());
    const lines = await Promise.all((await Array.fromAsync(tree.entries())).map(lineOf));
    const tar = Buffer.concat(await Array.fromAsync(writeTar(tree.entries())));
    await tree.close();
    return { lines, entries, tar, dropped: tree.dropped };
  } finally {
    rmSync(scratchFolder, { recursive: true });
  }
}

/** Layers by their members; without the root. */
export const flatLines = async (...layers: readonly (readonly Part[])[]): Promise<readonly string[]> =>
  (await flat(layers.map((parts) => archive(...parts)))).lines.slice(1);

export async function faultOf(act: () => Promise<unknown>): Promise<ImageFault | null> {
  try {
    await act();
    return null;
  } catch (error) {
    if (error instanceof BadImage) return error.fault;
    throw error;
  }
}

export const file = (name: string, bytes = name): Part => ({ name, bytes });
export const folder = (name: string, mode = 0o755): Part => ({ name, flag: "5", mode });
export const symlink = (name: string, link: string): Part => ({ name, flag: "2", link });
export const hardlink = (name: string, link: string): Part => ({ name, flag: "1", link });
