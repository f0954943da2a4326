import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { layOut } from "./lay-out.ts";
import { need, runProgram } from "./program.ts";
import type { Report, Tree } from "./tree.ts";

export const formats = ["erofs", "squashfs"] as const;
export type Format = (typeof formats)[number];
export const compressors = ["xz", "zstd", "gzip", "lz4"] as const;
export type Compressor = (typeof compressors)[number];

export interface Making {
  readonly tree: Tree;
  /** Becomes the image. */
  readonly output: string;
  readonly format: Format;
  readonly compressor: Compressor;
  /** New and private. */
  readonly scratch: string;
  readonly keepTimes: boolean;
  readonly signal: AbortSignal | null;
  readonly report: Report;
}

/** An image is known by the digest of its bytes; an identity of its own would only be one more thing that differs. */
const NO_UUID = "00000000-0000-0000-0000-000000000000";

const PACKAGE: Readonly<Record<string, string>> = {
  "mkfs.erofs": "erofs-utils",
  mksquashfs: "squashfs-tools",
  fakeroot: "fakeroot",
  setfattr: "attr",
};

/**
 * mkfs.erofs(1): time 0 for all gives the short kind of inode, and small patches between versions. With times of their own, version 1.5
 * puts the time of day into the superblock, unless SOURCE_DATE_EPOCH is there; later times are cut to it.
 */
const erofs = ({ keepTimes, output }: Making, folder: string): readonly string[] => {
  const times = keepTimes ? [] : ["-T0"];
  return ["mkfs.erofs", "--quiet", "-zlz4hc", ...times, "-U", NO_UUID, output, folder];
};

/** mksquashfs(1). Not sqfstar: its version 4.5.1 gives the root the time of day, and the owner it likes. */
const squashfs = ({ keepTimes, output, compressor }: Making, folder: string): readonly string[] => {
  const times = keepTimes ? ["-mkfs-time", "0"] : ["-mkfs-time", "0", "-all-time", "0"];
  const quiet = ["-noappend", "-exit-on-error", "-no-progress", "-quiet"];
  return ["mksquashfs", folder, output, "-comp", compressor, ...times, ...quiet, "-mem", "256M"];
};

/**
 * Both programs read a folder, so the tree is laid out on disk, and fakeroot(1) says whose the files are and what stands for a device.
 * Both sort what they find, so the order of a folder's entries does not matter.
 */
export async function make(making: Making): Promise<void> {
  const { tree, format, keepTimes, scratch, signal, report } = making;
  const folder = join(scratch, "tree");
  const command = (format === "erofs" ? erofs : squashfs)(making, folder);
  requirePrograms(command[0] ?? "", "fakeroot");
  await mkdir(folder, { mode: 0o700 });
  const { state, attributes, newestSeconds } = await layOut(tree, folder, signal, report);
  const [stateFile, attributeFile] = [join(scratch, "fakeroot"), join(scratch, "attributes")];
  await writeFile(stateFile, state, { mode: 0o600 });
  report({ phase: "compress", done: 0, of: 0 });
  const variables: Record<string, string> = {};
  if (keepTimes && format === "erofs") variables["SOURCE_DATE_EPOCH"] = `${newestSeconds}`;
  const faked = ["-i", stateFile, "--"];
  if (attributes === "") {
    return runProgram({ program: "fakeroot", args: [...faked, ...command], folder, variables, signal });
  }
  requirePrograms("setfattr");
  await writeFile(attributeFile, attributes, { mode: 0o600 });
  const script = 'setfattr -h --restore="$1" && shift && exec "$@"';
  const args = [...faked, "sh", "-c", script, "sh", attributeFile, ...command];
  return runProgram({ program: "fakeroot", args, folder, variables, signal });
}

const requirePrograms = (...programs: readonly string[]): void =>
  need(Object.fromEntries(programs.map((program) => [program, PACKAGE[program] ?? program])));
