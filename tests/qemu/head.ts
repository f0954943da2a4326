/** What a disk begins with: a partition table, a boot loader in front of the first partition, and a FAT boot partition. */
import { dirname } from "node:path";
import * as v from "valibot";
import { type Arch, run } from "./host.ts";
import type { Images } from "./images.ts";
import { biosBoot, bootPartitionFiles, installGrub, wordsFile } from "./loaders.ts";

const mib = 1024 * 1024;
const sectorBytes = 512;
const bootStart = 1 * mib;
const bootMib = 64;
/** Where the storage partition begins, bytes from the start of the disk. */
export const storageStart: number = bootStart + bootMib * mib;
/** GPT's type of a partition that holds GRUB's second stage (GRUB manual, "BIOS installation"). */
const biosBootType = "21686148-6449-6E6F-744E-656564454649";

/** The boot partition of the disk at `path`, as mtools' option -i wants it. */
export const bootPartition = (path: string): string => `${path}@@${bootStart}`;

/** Puts a file there, or another one in its place. */
export async function putBootFile(path: string, file: string, content: string | Uint8Array): Promise<void> {
  await run(["mcopy", "-o", "-i", bootPartition(path), "-", `::${file}`], { stdin: content });
}

/** Of the sparse file `path`: a partition table, an empty boot partition and room for a storage partition. With the kernel's `words`
 *  the boot loader of Debian's packages is there, too. */
export async function assembledHead(
  path: string,
  arch: Arch,
  { label, storageMib }: { readonly label: "gpt" | "dos"; readonly storageMib: number },
  words?: readonly string[],
): Promise<void> {
  const grub = arch === "x86_64" && words !== undefined;
  const boot = `start=${bootStart / sectorBytes}, size=${(bootMib * mib) / sectorBytes}, type=uefi`;
  const storage = `${storageAt(storageMib)}, type=linux`;
  const gpt = [
    "first-lba: 34", // the room before the first partition may be one, too
    `${boot}, name=boot`,
    `${storage}, name=storage`,
    ...(grub ? [`start=${biosBoot.start}, size=${biosBoot.sectors}, type=${biosBootType}, name=grub`] : []),
  ];
  await partition(path, [`label: ${label}`, ...(label === "gpt" ? gpt : [boot, storage])]);
  const size = ["-T", String((bootMib * mib) / sectorBytes)];
  await run(["mformat", "-i", bootPartition(path), "-F", "-v", "BOOT", ...size, "::"]);
  if (words !== undefined) {
    const files = Object.entries(await bootPartitionFiles(arch, words));
    for (const folder of new Set(files.map(([file]) => dirname(file)).filter((name) => name !== ".")))
      await run(["mmd", "-i", bootPartition(path), `::${folder}`]);
    for (const [file, content] of files) await putBootFile(path, file, content);
  }
  if (grub) await installGrub(path);
}

const Table = v.object({
  partitiontable: v.object({
    label: v.picklist(["dos", "gpt"]),
    partitions: v.looseTuple([v.object({ start: v.number(), size: v.number() })]),
  }),
});

/** As a built disk begins: its loader and its boot partition are copied, and only told the `words` of this machine. */
export async function builtHead(
  path: string,
  arch: Arch,
  storageMib: number,
  words: readonly string[],
  { disk }: Images,
): Promise<void> {
  const { label, partitions } = v.parse(Table, JSON.parse(await run(["sfdisk", "--json", disk]))).partitiontable;
  const [{ start, size }] = partitions;
  const endBytes = (start + size) * sectorBytes;
  if (start * sectorBytes !== bootStart || endBytes > storageStart)
    throw new Error(`${disk}: its boot partition, ${start}+${size} sectors, is not where the tests look for it`);
  await run(["dd", `if=${disk}`, `of=${path}`, "bs=1M", `count=${endBytes / mib}`, "conv=notrunc", "status=none"]);
  const [boot, storage] = label === "dos" ? ["type=c, bootable", "type=83"] : ["type=uefi", "type=linux"];
  await partition(path, [
    `label: ${label}`,
    `start=${start}, size=${size}, ${boot}`,
    `${storageAt(storageMib)}, ${storage}`,
  ]);
  const { name, text } = wordsFile(arch, words);
  await putBootFile(path, arch === "x86_64" ? `boot/grub/${name}` : name, text);
}

const storageAt = (storageMib: number): string =>
  `start=${storageStart / sectorBytes}, size=${(storageMib * mib) / sectorBytes}`;

/** Sectors that no entry of the table covers keep what they have. */
async function partition(path: string, table: readonly string[]): Promise<void> {
  await run(["sfdisk", "--quiet", "--wipe", "never", path], { stdin: `${table.join("\n")}\n` });
}
