/** Packs the product's first stage (bsp-buildroot/initramfs/init) with BusyBox and the modules that it needs. */
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Arch, cached, repository, sha256 } from "./host.ts";
import { earlyModules, kernel, loadOrder, raspberryModules } from "./kernel.ts";
import { archive, characterDevice, type Entry, file, folder, link } from "./newc.ts";
import { busybox } from "./tree.ts";

const script = join(repository, "bsp-buildroot/initramfs/init");
const commands = "cat findfs grep insmod mkdir mount mv od reboot rm sed sh sleep switch_root sync tr umount".split(
  " ",
);
/** The disk's drivers, and what is soldered to the board and so not left to containers' drivers: watchdog, entropy, the harness' second line. */
const boardModules = {
  qemu: ["virtio_pci", "virtio_mmio", "virtio_blk", "i6300esb", "virtio_rng", "virtio_console"],
  raspberry: [...raspberryModules, "vfat", "nls_ascii", "nls_cp437", "nls_iso8859_1"], // process 1 reads the boot partitions
} as const;

/** The initramfs of a kind of board, gzip-compressed. Cached. */
export async function initramfs(arch: Arch, board: keyof typeof boardModules = "qemu"): Promise<string> {
  const { release, tree } = await kernel(arch);
  const modules = join(tree, "lib/modules", release);
  const order = await loadOrder(modules, [...boardModules[board], ...earlyModules]);
  const init = await readFile(script);
  const shell = await busybox(arch);
  const folderPath = await cached(
    `initramfs/${arch}`,
    ["initramfs 2", modules, order, shell, sha256(init)],
    async (scratch) => {
      const entries: Entry[] = [
        ...["bin", "dev", "etc", "lib", "lib/modules", "newroot", "proc", "storage", "sys"].map(folder),
        characterDevice("dev/console", 5, 1),
        file("init", init, 0o755),
        file("bin/busybox", await readFile(shell), 0o755),
        ...commands.map((name) => link(`bin/${name}`, "busybox")),
        file("etc/modules", order.map((path) => `${basename(path)}\n`).join("")),
      ];
      for (const path of order)
        entries.push(file(`lib/modules/${basename(path)}`, await readFile(join(modules, path))));
      await writeFile(join(scratch, "initramfs.cpio.gz"), Bun.gzipSync(Buffer.from(archive(entries)), { level: 9 }));
    },
  );
  return join(folderPath, "initramfs.cpio.gz");
}
