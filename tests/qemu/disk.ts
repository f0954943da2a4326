/** A device's disk: GPT, a FAT boot partition, and the ext4 storage partition LABEL=pvdata. Needs no root. */
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type BootEnvironment, environmentFile, environmentPath } from "./environment.ts";
import { assembledHead, bootPartition, builtHead, storageStart } from "./head.ts";
import { type Arch, run, testArch } from "./host.ts";
import { builtImages } from "./images.ts";
import { layOut, type Revision } from "./revision.ts";

const mib = 1024 * 1024;

export interface DiskSpec {
  /** Whose boot loader the disk is for; that of the tests' run unless told. */
  readonly arch?: Arch;
  readonly revisions: Readonly<Record<string, Revision>>;
  /** Size of the storage partition. */
  readonly storageMib?: number;
  /** So much of the disk is behind the storage partition; the partition table is then an MBR. */
  readonly spareMib?: number;
  /** "ready": the kernel has none left to write in the background, where it is counted what is written. */
  readonly inodeTables?: "ready";
  /** Label of the storage partition's file system. */
  readonly label?: string;
  /** Puts kernel and initramfs of this revision on the boot partition, for boot loaders that cannot read ext4. */
  readonly bootFiles?: string;
  /** Makes the disk start by itself, with the real boot loader; these are the kernel's words beside those that the loader adds. */
  readonly loaderWords?: readonly string[];
  /** The boot loader's variables on the storage, in the format of the architecture. Without it there is no such file. */
  readonly environment?: BootEnvironment;
  /** Files below /storage that are written (never edited: they may be linked) after the revisions are laid out. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Changes the tree below /storage before it is packed. Files may be links into the build cache: replace them, never write into one. */
  readonly prepare?: (storage: string) => Promise<void>;
  /** Changes the boot partition last, with mtools: gets the image as their option -i wants it. */
  readonly prepareBoot?: (image: string) => Promise<void>;
}

/** Writes the disk to `path`, sparse; `scratch` is a folder on the build cache's file system that this may use and removes. */
export async function makeDisk(path: string, scratch: string, spec: DiskSpec): Promise<void> {
  const storageMib = spec.storageMib ?? 768;
  await mkdir(dirname(path), { recursive: true });
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  for (const [rev, made] of Object.entries(spec.revisions)) await layOut(scratch, rev, made);
  const arch = spec.arch ?? testArch();
  const environment =
    spec.environment === undefined ? {} : { [environmentPath[arch]]: environmentFile(arch, spec.environment) };
  await writeFiles(scratch, { ...environment, ...spec.files });
  await spec.prepare?.(scratch);
  await rm(path, { force: true });
  await writeFile(path, "");
  await truncate(path, storageStart + (storageMib + 1 + (spec.spareMib ?? 0)) * mib); // the last MiB holds GPT's second copy
  const images = spec.loaderWords === undefined ? null : builtImages(arch);
  const label = spec.spareMib === undefined ? "gpt" : "dos";
  if (images === null || spec.loaderWords === undefined)
    await assembledHead(path, arch, { label, storageMib }, spec.loaderWords);
  else await builtHead(path, arch, storageMib, spec.loaderWords, images);
  const boot = spec.bootFiles === undefined ? undefined : spec.revisions[spec.bootFiles];
  if (boot !== undefined) {
    await run(["mcopy", "-i", bootPartition(path), boot.kernel, "::pv-kernel.img"]);
    await run(["mcopy", "-i", bootPartition(path), boot.initramfs, "::pv-initrd.img"]);
  }
  const lazyTables = spec.inodeTables === "ready" ? 0 : 1;
  await spec.prepareBoot?.(bootPartition(path));
  await run([
    ...["mke2fs", "-q", "-F", "-t", "ext4", "-L", spec.label ?? "pvdata", "-m", "0"],
    // Boot loaders of today do not know the newest features. And the kernel writes the superblock outside of the journal, in a block of
    // eight sectors: with a checksum in it, one that a power cut has torn keeps the device from mounting its storage ever again.
    ...["-O", "^orphan_file,^metadata_csum_seed,^metadata_csum", "-J", "size=16"],
    ...["-E", `offset=${storageStart},root_owner=0:0,lazy_itable_init=${lazyTables},nodiscard`, "-d", scratch],
    ...[path, `${storageMib}M`],
  ]);
  await rm(scratch, { recursive: true });
}

async function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await rm(join(folder, file), { force: true });
    await writeFile(join(folder, file), content);
  }
}

export interface StorageCheck {
  /** Unmounted properly, or remounted read-only, and without a fault: what an orderly shutdown leaves. */
  readonly clean: boolean;
  /** Without a fault in what is on the disk, though the journal may wait to be replayed: what a power cut may leave. */
  readonly sound: boolean;
  /** e2fsck's words. */
  readonly text: string;
}

/** Checks the storage partition of a disk that no machine uses, changing nothing; it begins `at` so many bytes. */
export async function checkStorage(path: string, at = storageStart): Promise<StorageCheck> {
  const text = await run(["e2fsck", "-fn", `${path}?offset=${at}`], { accept: [0, 4], both: true });
  // With -n a journal that waits is passed over in silence but for this line, and the exit code is still 0.
  const waiting = text.includes("skipping journal recovery");
  const faults = /\b(Fix|Clear|Connect|Salvage)[^?]*\? no\b|WARNING: Filesystem still has errors/.test(text);
  return { clean: !faults && !waiting, sound: !faults, text };
}

/** Text of a file on the storage partition of a disk that no machine uses; null when it is not there. */
export async function readStorageFile(path: string, file: string): Promise<string | null> {
  const debugfs = (request: string): Promise<string> =>
    run(["debugfs", "-R", request, `${path}?offset=${storageStart}`]);
  const found = await debugfs(`stat "${file}"`);
  return found.includes("Inode:") ? debugfs(`cat "${file}"`) : null;
}

/** Text of a file on the boot partition of a disk that no machine uses; null when it is not there. */
export async function readBootFile(path: string, file: string): Promise<string | null> {
  const image = bootPartition(path);
  const found = await run(["mdir", "-b", "-i", image, `::${file}`], { accept: [0, 1] });
  return found === "" ? null : run(["mtype", "-i", image, `::${file}`]);
}
