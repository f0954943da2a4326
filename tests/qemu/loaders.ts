/** Real boot loaders for the emulated boards, from Debian's packages: GRUB in the BIOS boot partition, U-Boot in the flash. */
import { open, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packages, unpacked } from "./debian.ts";
import { grubBlock } from "./environment.ts";
import { type Arch, cached, repository, run } from "./host.ts";

const scripts = join(repository, "bsp-buildroot/boot");

/** Everything that bsp-buildroot/boot/grub.cfg uses, built in: the boot partition carries no modules. */
const grubModules = [
  ..."biosdisk part_gpt fat ext2 normal configfile search loadenv test true echo sleep".split(" "),
  ..."serial terminal linux boot reboot".split(" "),
];

/** Where GRUB's second stage stands: a BIOS boot partition in the room that partitions aligned to 1 MiB leave. Sectors of 512 bytes. */
export const biosBoot = { start: 64, sectors: 2048 - 64 } as const;

/** The file of the boot partition that has the kernel's words: its name, beside the loader's script, and its text. */
export function wordsFile(arch: Arch, words: readonly string[]): { readonly name: string; readonly text: string } {
  const args = words.join(" ");
  return arch === "aarch64"
    ? { name: "cairn-args.txt", text: `cairn_args=${args}\n` }
    : { name: "cairn-args.cfg", text: `set cairn_args='${args}'\n` };
}

/** Files of the boot partition by their paths: the script that picks a revision, and the kernel's words for it. */
export async function bootPartitionFiles(
  arch: Arch,
  words: readonly string[],
): Promise<Readonly<Record<string, string | Uint8Array>>> {
  const { name, text } = wordsFile(arch, words);
  if (arch === "aarch64")
    return { "boot.scr": uBootScript(await Bun.file(join(scripts, "boot.cmd")).bytes()), [name]: text };
  return {
    "grub/grub.cfg": await Bun.file(join(scripts, "grub.cfg")).bytes(),
    [`grub/${name}`]: text,
    "pv.env": grubBlock({}),
  };
}

/**
 * Makes a disk start GRUB, as grub-bios-setup does: boot.img goes into the first sector around the partition table and learns where
 * core.img begins; core.img's own first sector learns where its rest is.
 * Source: GRUB 2.06, include/grub/i386/pc/boot.h (kernel_sector at 0x5c, the table from 0x1b8), include/grub/offsets.h and
 * grub-core/boot/i386/pc/diskboot.S (one block list entry at 0x1f4: first sector, count, segment).
 */
export async function installGrub(disk: string): Promise<void> {
  const { bootSector, core } = await grub();
  const first = Buffer.from(bootSector.subarray(0, 0x1b8));
  first.writeBigUInt64LE(BigInt(biosBoot.start), 0x5c);
  const sectors = Math.ceil(core.length / 512);
  if (sectors > biosBoot.sectors) throw new Error(`GRUB takes ${sectors} sectors, there are ${biosBoot.sectors}`);
  const second = Buffer.from(core);
  second.writeBigUInt64LE(BigInt(biosBoot.start + 1), 0x1f4);
  second.writeUInt16LE(sectors - 1, 0x1fc);
  second.writeUInt16LE(0x820, 0x1fe); // right behind diskboot.img, which the first sector loads to 0x8000
  const file = await open(disk, "r+");
  try {
    await file.write(first, 0, first.length, 0);
    await file.write(second, 0, second.length, biosBoot.start * 512);
  } finally {
    await file.close();
  }
}

async function grub(): Promise<{ readonly bootSector: Uint8Array; readonly core: Uint8Array }> {
  const set = await packages("x86_64", ["grub-pc-bin"], { alone: true });
  const modules = join(await unpacked(set), "usr/lib/grub/i386-pc");
  const folder = await cached("grub", ["grub 1", set.key, grubModules], async (scratch) => {
    const out = ["-O", "i386-pc", "-o", join(scratch, "core.img")];
    await run(["grub-mkimage", "-d", modules, "-p", "(,gpt1)/grub", ...out, ...grubModules]);
  });
  return {
    bootSector: await Bun.file(join(modules, "boot.img")).bytes(),
    core: await Bun.file(join(folder, "core.img")).bytes(),
  };
}

/** What QEMU's "virt" board needs to start U-Boot. */
export interface UBoot {
  readonly program: string;
  /** Image of the second flash chip, 64 MiB, which holds U-Boot's own environment. Never written by U-Boot. */
  readonly flash: string;
}

const flashBytes = 64 * 1024 * 1024;

/** Debian's U-Boot with its own default environment, but it waits for no key, asks the disk only, and never stays at its prompt.
 *  @param more variables, in place of those as well */
export async function uBoot(more: Readonly<Record<string, string>> = {}): Promise<UBoot> {
  const set = await packages("aarch64", ["u-boot-qemu"], { alone: true });
  const program = join(await unpacked(set), "usr/lib/u-boot/qemu_arm64/u-boot.bin");
  const folder = await cached("u-boot", ["u-boot 2", set.key, more], async (scratch) => {
    const changes = { boot_targets: "virtio0", bootcmd: "run distro_bootcmd; reset", ...more };
    // CONFIG_ENV_SIZE of qemu_arm64
    await writeFile(join(scratch, "flash.img"), await uBootEnvironment(program, 0x40000, changes));
    await truncate(join(scratch, "flash.img"), flashBytes);
  });
  return { program, flash: join(folder, "flash.img") };
}

/** An environment as U-Boot stores it: a checksum, then NUL-separated name=value. It is the one that is compiled in, with `changes`, and
 *  waits for no key. */
export async function uBootEnvironment(
  program: string,
  bytes: number,
  changes: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  const variables = defaultEnvironment(await Bun.file(program).bytes());
  variables.set("bootdelay", "-2"); // no delay and no look at the console (U-Boot: doc/README.autoboot)
  for (const [name, value] of Object.entries(changes)) variables.set(name, value);
  const text = [...variables].map(([name, value]) => `${name}=${value}\0`).join("");
  const environment = Buffer.alloc(bytes);
  environment.write(text, 4, "latin1");
  environment.writeUInt32LE(Bun.hash.crc32(environment.subarray(4)), 0);
  return environment;
}

/** The environment that is compiled into U-Boot, found by one of its variables; an empty variable ends it. */
function defaultEnvironment(program: Uint8Array): Map<string, string> {
  const image = Buffer.from(program);
  const inside = image.indexOf("\0bootdelay=", 0, "latin1");
  const start = image.lastIndexOf("\0\0", inside, "latin1") + 2;
  const end = image.indexOf("\0\0", inside, "latin1");
  if (inside < 0 || end < 0) throw new Error("this U-Boot has no environment compiled in");
  const lines = image.toString("latin1", start, end).split("\0");
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** A script in the form that U-Boot's "source" runs (U-Boot: include/image.h, struct legacy_img_hdr, big-endian). The same bytes for the
 *  same text: it has no time. */
export function uBootScript(text: Uint8Array): Uint8Array {
  const body = Buffer.alloc(8 + text.length); // sizes of its parts, one here, then 0
  body.writeUInt32BE(text.length, 0);
  body.set(text, 8);
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x27051956, 0); // magic number; the header's own checksum is written last
  header.writeUInt32BE(body.length, 12); // after time, before load address and entry point
  header.writeUInt32BE(Bun.hash.crc32(body), 24);
  header.set([5, 22, 6, 0], 28); // Linux, AArch64, script, not compressed
  header.write("cairn", 32, "latin1");
  header.writeUInt32BE(Bun.hash.crc32(header), 4);
  return Buffer.concat([header, body]);
}
