/** A storage partition with one revision, and a boot partition with a boot loader's note, for tests. */
import { mkdirSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { environmentFile, environmentPath, grubBlock } from "../qemu/environment.ts";
import { run, sha256 } from "../qemu/host.ts";
import type { Arch, BootEnvironment } from "../qemu/index.ts";
import type { Disk } from "./loader-view.ts";

export interface SampleImage extends Disk {
  readonly folder: string;
  /** What stands in `trails/0/.pv/`, on this machine. */
  readonly bootFiles: Readonly<Record<string, string>>;
}

export interface SampleSpec {
  readonly environment?: BootEnvironment;
  /** Name of the environment's file, when it is not the usual one. */
  readonly spare?: boolean;
  /** What stands under the spare name beside the environment; no variable that is empty stands in either. */
  readonly spareToo?: BootEnvironment;
  /** The trial that the loader noted. */
  readonly trying?: string;
}

const kernel = Buffer.from(`kernel ${"k".repeat(100_000)}`);
const initramfs = Buffer.from(`initramfs ${"i".repeat(50_000)}`);

/** U-Boot's environment with a checksum in front. */
function uBootNote(trying: string): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write(`pv_trying=${trying}\0`, 4);
  bytes.writeUInt32LE(Bun.hash.crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** As the runtime writes it: a variable that is empty is not there. */
function variablesOnly(arch: Arch, environment: BootEnvironment): string {
  if (arch === "x86_64") return grubBlock({ ...environment });
  const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}\0`);
  return lines.join("").padEnd(65_536, "\0");
}

export async function sampleImage(arch: Arch, spec: SampleSpec = {}): Promise<SampleImage> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-image-"));
  const tree = join(folder, "tree");
  const put = (path: string, bytes: string | Uint8Array): void => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), bytes);
  };
  const [linux, initrd] = [sha256(kernel), sha256(initramfs)];
  put(`objects/${linux}`, kernel);
  put(`objects/${initrd}`, initramfs);
  const trail = join(tree, "trails/0");
  mkdirSync(join(trail, "bsp"), { recursive: true });
  mkdirSync(join(trail, ".pv"));
  for (const [digest, file, link] of [
    [linux, "vmlinuz", "pv-kernel.img"],
    [initrd, "initramfs", "pv-initrd.img"],
  ] as const) {
    for (const name of [`bsp/${file}`, `.pv/${link}`])
      await run(["ln", `${tree}/objects/${digest}`, join(trail, name)]);
  }
  const runJson = '{"initrd":"initramfs","linux":"vmlinuz"}';
  put("trails/0/bsp/run.json", runJson);
  put(
    "trails/0/.pvr/json",
    `{"#spec":"pantavisor-service-system@1","bsp/initramfs":"${initrd}","bsp/run.json":${runJson},"bsp/vmlinuz":"${linux}"}`,
  );
  if (spec.environment !== undefined) {
    const name = environmentPath[arch] + (spec.spare === true ? ".next" : "");
    put(name, (spec.spareToo === undefined ? environmentFile : variablesOnly)(arch, spec.environment));
  }
  if (spec.spareToo !== undefined) put(`${environmentPath[arch]}.next`, variablesOnly(arch, spec.spareToo));
  const [boot, storage] = [join(folder, "boot.img"), join(folder, "storage.img")];
  for (const [image, mib] of [
    [boot, 5],
    [storage, 32],
  ] as const) {
    writeFileSync(image, "");
    truncateSync(image, mib << 20);
  }
  await run(["mformat", "-i", `${boot}@@1048576`, "-T", "8192", "-v", "BOOT", "::"]);
  if (spec.trying !== undefined) {
    const note = arch === "x86_64" ? grubBlock({ pv_trying: spec.trying }) : uBootNote(spec.trying);
    await run(["mcopy", "-i", `${boot}@@1048576`, "-", "::pv.env"], { stdin: note });
  }
  await run([
    "mke2fs",
    "-q",
    "-F",
    "-t",
    "ext4",
    "-O",
    "^orphan_file,^metadata_csum_seed,^metadata_csum",
    "-d",
    tree,
    storage,
  ]);
  const bootFiles = { "pv-kernel.img": join(trail, "bsp/vmlinuz"), "pv-initrd.img": join(trail, "bsp/initramfs") };
  return { folder, boot, storage, bootFiles };
}

/** Changes one byte of the place where the kernel stands on the partition, and nothing else; gives the place, down to a sector. */
export function damageKernel(storage: string): number {
  const bytes = readFileSync(storage);
  const at = bytes.indexOf("kernel kkkk") + 50_000;
  bytes.write("K", at);
  writeFileSync(storage, bytes);
  return at - (at % 512);
}
