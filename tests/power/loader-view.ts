/**
 * What the boot loader of a board finds on a disk: it reads ext4 without replaying the journal, so what the kernel would see counts for
 * nothing here. The decision is that of bsp-buildroot/boot/grub.cfg and boot.cmd.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { run } from "../qemu/host.ts";
import type { Arch } from "../qemu/index.ts";
import { SECTOR_BYTES } from "./log.ts";

/** The loader's variables; "" where one is empty or was never written. */
export interface Variables {
  readonly committed: string;
  readonly trial: string;
  /** The trial that the loader has started already. */
  readonly trying: string;
}

/** Which revision starts, and which one when that fails to start. */
export interface Decision {
  readonly first: string;
  readonly isTrial: boolean;
  /** Starts at the latest when a trial was not committed. */
  readonly committed: string;
}

export function decide({ committed, trial, trying }: Variables): Decision {
  const last = committed === "" ? "0" : committed;
  const isTrial = trial !== "" && trial !== trying;
  return { first: isTrial ? trial : last, isTrial, committed: last };
}

/** Paths of images: the boot partition's disk and the storage partition. */
export interface Disk {
  readonly boot: string;
  readonly storage: string;
  /** As in CutImage; where they are known, a file that was read once is not read again while it stands on the same writes. */
  readonly writers?: Uint32Array;
}

/** Reads like one kind of boot loader. */
export interface LoaderView {
  variables(disk: Disk): Promise<Variables>;
  /** Whether the file at `path` of the storage has exactly the bytes of `file` on this machine. */
  isSame(disk: Disk, path: string, file: string): Promise<boolean>;
}

/** Where the boot partition begins in its image (tests/qemu/disk.ts). */
const BOOT_AT = "@@1048576";

/** Text of a file on the boot partition; "" when it is not there. */
const bootFile = ({ boot }: Disk, name: string): Promise<string> =>
  run(["mtype", "-i", `${boot}${BOOT_AT}`, `::${name}`], { accept: [0, 1] });

const SIGNATURE = "# GRUB Environment Block\n";

/** Variables of an environment block; null when it is none (GRUB: grub-core/lib/envblk.c). */
function grubVariables(block: string): ReadonlyMap<string, string> | null {
  return block.startsWith(SIGNATURE) ? assignments(block.split("\n")) : null;
}

function assignments(lines: readonly string[]): ReadonlyMap<string, string> {
  const pairs = lines.flatMap((line) => {
    const at = line.indexOf("=");
    return at <= 0 || line.startsWith("#") ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
  });
  return new Map(pairs);
}

/** The first environment that can be read: the one, or its spare name. */
async function environment(
  read: (name: string) => Promise<ReadonlyMap<string, string> | null>,
  name: string,
): Promise<ReadonlyMap<string, string>> {
  return (await read(name)) ?? (await read(`${name}.next`)) ?? new Map();
}

/** GRUB's own file system driver, as a program (grub-fstest). */
const grub: LoaderView = {
  async variables(disk) {
    const cat = (name: string) => fstest(disk, ["cat", `(loop0)/boot/${name}`]).then(({ text }) => grubVariables(text));
    const found = await environment(cat, "grubenv");
    const own = grubVariables(await bootFile(disk, "pv.env")) ?? new Map<string, string>();
    return {
      committed: found.get("pv_rev") ?? "",
      trial: found.get("pv_try") ?? "",
      trying: own.get("pv_trying") ?? "",
    };
  },
  isSame: async (disk, path, file) => (await fstest(disk, ["cmp", `(loop0)${path}`, file])).good,
};

async function fstest({ storage }: Disk, words: readonly string[]): Promise<{ good: boolean; text: string }> {
  const child = Bun.spawn(["grub-fstest", storage, ...words], { stdout: "pipe", stderr: "ignore" });
  const text = await child.stdout.text();
  return { good: (await child.exited) === 0, text };
}

const decoder = new TextDecoder("latin1");

/** U-Boot reads the same blocks; debugfs stands in for its driver, with every check of a checksum off, as U-Boot has none. */
const uBoot: LoaderView = {
  async variables(disk) {
    const cat = async (name: string) => {
      const text = decoder.decode(await debugfs(disk, `/boot/${name}`));
      return text === "" ? null : assignments(text.split("\0")); // "env import" is content with any variables
    };
    const found = await environment(cat, "uboot.txt");
    return {
      committed: found.get("pv_rev") ?? "",
      trial: found.get("pv_try") ?? "",
      trying: await uBootNote(disk),
    };
  },
  async isSame(disk, path, file) {
    const place = await standsOn(disk, path);
    const known = place === null ? null : `${file} ${place}`;
    if (known !== null && sameBefore.has(known)) return true;
    const same = Buffer.compare(await debugfs(disk, path), Buffer.from(await Bun.file(file).bytes())) === 0;
    if (same && known !== null) sameBefore.add(known);
    return same;
  },
};

const sameBefore = new Set<string>();

/** Size and blocks of a file, and by which writes those are as they are; null: not known. */
async function standsOn(disk: Disk, path: string): Promise<string | null> {
  if (disk.writers === undefined) return null;
  const { writers } = disk;
  const told = decoder.decode(await debugfs(disk, path, "stat"));
  const size = /^User:.*Size: (\d+)$/m.exec(told)?.[1];
  const extents = /^EXTENTS:\n(.*)$/m.exec(told)?.[1];
  if (size === undefined || extents === undefined) return null;
  const sectors = blockBytes(disk) / SECTOR_BYTES;
  const blocks = [...extents.matchAll(/:(\d+)(?:-(\d+))?/g)].map(([, first, last = first]) =>
    Bun.hash(writers.subarray(Number(first) * sectors, (Number(last) + 1) * sectors)),
  );
  return `${size} ${extents} ${blocks.join(" ")}`;
}

/** ext4's `s_log_block_size`. */
function blockBytes({ storage }: Disk): number {
  const field = Buffer.alloc(4);
  const fd = openSync(storage, "r");
  readSync(fd, field, 0, 4, 1024 + 24);
  closeSync(fd);
  return 1024 << field.readUInt32LE();
}

async function debugfs({ storage }: Disk, path: string, request: "cat" | "stat" = "cat"): Promise<Uint8Array> {
  const command = ["/usr/sbin/debugfs", "-c", "-n", "-R", `${request} "${path}"`, storage];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "ignore" });
  const bytes = await child.stdout.bytes();
  await child.exited;
  return bytes;
}

/** A checksum, then NUL-separated variables; a wrong checksum counts as no file. */
async function uBootNote({ boot }: Disk): Promise<string> {
  const child = Bun.spawn(["mtype", "-i", `${boot}${BOOT_AT}`, "::pv.env"], { stdout: "pipe", stderr: "ignore" });
  const bytes = Buffer.from(await child.stdout.bytes());
  await child.exited;
  if (bytes.length !== 512 || bytes.readUInt32LE(0) !== Bun.hash.crc32(bytes.subarray(4))) return "";
  return assignments(bytes.toString("latin1", 4).split("\0")).get("pv_trying") ?? "";
}

export const loaderViews: Readonly<Record<Arch, LoaderView>> = { x86_64: grub, aarch64: uBoot };
