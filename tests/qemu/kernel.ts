/** Debian's kernel for a device: the image, and the modules that a device of ours can use, uncompressed. */
import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { packages } from "./debian.ts";
import { type Arch, cached, run } from "./host.ts";
import { pack } from "./tree.ts";

/** The flavours that carry every driver we want; "cloud" has no watchdogs. */
const metaPackage: Readonly<Record<Arch, string>> = { x86_64: "linux-image-amd64", aarch64: "linux-image-arm64" };

/** By their names as modprobe(8) knows them; what is built in, or absent on an architecture, is left out silently only
 *  when it stands in `optional`. */
const deviceModules = [
  ..."overlay squashfs erofs ext4 loop dm_mod dm_verity dm_crypt fuse vfat nls_ascii nls_cp437 nls_iso8859_1".split(
    " ",
  ),
  ..."virtio_pci virtio_mmio virtio_blk virtio_net virtio_scsi virtio_console virtio_rng virtio_balloon sd_mod".split(
    " ",
  ),
  ..."veth bridge macvlan tun dummy ip_tables iptable_nat iptable_filter iptable_mangle ip6_tables ip6table_filter".split(
    " ",
  ),
  ..."nf_tables nf_nat nf_conntrack nft_chain_nat nft_masq nft_compat xt_MASQUERADE xt_conntrack xt_tcpudp".split(" "),
  ..."xt_addrtype sch_netem sch_tbf sch_ingress softdog i6300esb 9p 9pnet_virtio zram".split(" "),
  ..."crc32c_generic sha256_generic".split(" "),
];
const optional = ["9p", "9pnet_virtio", "sch_ingress"];

/** A Raspberry Pi 3's: the two controllers that can have the card, and the watchdog, which also resets it and switches it off. */
export const raspberryModules = ["sdhci_iproc", "bcm2835", "bcm2835_wdt"];
const boardModules: Readonly<Record<Arch, readonly string[]>> = { x86_64: [], aarch64: raspberryModules };
/** Device trees that QEMU does not make itself. */
const boardTrees: Readonly<Record<Arch, readonly string[]>> = {
  x86_64: [],
  aarch64: ["broadcom/bcm2837-rpi-3-b.dtb"],
};

/** What the initramfs has to load, beside the disk's driver, before it can mount the storage and the base system. */
export const earlyModules = ["crc32c_generic", "ext4", "loop", "squashfs", "erofs", "overlay"];

export interface Kernel {
  readonly release: string;
  /** What boot loaders start, and what a revision carries. */
  readonly image: string;
  /** The same kernel in the form that QEMU starts quickest: see {@link unpackedKernel}. */
  readonly direct: string;
  /** `bsp/modules.squashfs`: its root is the content of /lib/modules/<release>. */
  readonly modules: string;
  /** Folder that holds lib/modules/<release>. */
  readonly tree: string;
  /** Folder with the device trees of boards that are no machine of QEMU's own. */
  readonly deviceTrees: string;
}

export async function kernel(arch: Arch): Promise<Kernel> {
  const set = await packages(arch, [metaPackage[arch]]);
  const deb = set.debs.find((path) => /linux-image-\d/.test(basename(path)));
  if (deb === undefined) throw new Error(`${metaPackage[arch]} depends on no kernel`);
  const folder = await cached(
    `kernel/${arch}`,
    ["kernel 4", basename(deb), [...deviceModules, ...boardModules[arch]], optional, ...boardTrees[arch]],
    async (scratch) => {
      const all = join(scratch, "all");
      await run(["dpkg-deb", "-x", deb, all]);
      const [release = ""] = await readdir(join(all, "lib/modules"));
      await copyFile(join(all, "boot", `vmlinuz-${release}`), join(scratch, "vmlinuz"));
      if (arch === "x86_64") await writeFile(join(scratch, "vmlinux"), await unpackedKernel(join(scratch, "vmlinuz")));
      await copyModules(all, join(scratch, "tree"), release, [...deviceModules, ...boardModules[arch]]);
      await mkdir(join(scratch, "device-trees"));
      for (const name of boardTrees[arch])
        await copyFile(
          join(all, `usr/lib/linux-image-${release}`, name),
          join(scratch, "device-trees", basename(name)),
        );
      await pack(join(scratch, "tree/lib/modules", release), join(scratch, "modules.squashfs"), 128 * 1024, 15);
      await writeFile(join(scratch, "release"), release);
      await rm(all, { recursive: true });
    },
  );
  return {
    release: await readFile(join(folder, "release"), "utf8"),
    image: join(folder, "vmlinuz"),
    direct: join(folder, arch === "x86_64" ? "vmlinux" : "vmlinuz"),
    modules: join(folder, "modules.squashfs"),
    tree: join(folder, "tree"),
    deviceTrees: join(folder, "device-trees"),
  };
}

/** The ELF kernel inside a bzImage (Linux x86 boot protocol 2.08: setup_sects, payload_offset, payload_length). QEMU enters it
 *  by its PVH note; unpacking it in the emulated machine would cost more than 3 s a boot. */
async function unpackedKernel(path: string): Promise<Uint8Array> {
  const image = Buffer.from(await Bun.file(path).bytes());
  const start = (image.readUInt8(0x1f1) + 1) * 512 + image.readUInt32LE(0x248);
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c));
  const xz = Bun.spawn(["xz", "--decompress", "--stdout", "--single-stream"], { stdin: payload, stdout: "pipe" });
  const kernel = await xz.stdout.bytes();
  if ((await xz.exited) !== 0)
    throw new Error(`${path} is not packed with xz: tests/qemu/kernel.ts has to learn its packing`);
  return kernel;
}

async function copyModules(all: string, tree: string, release: string, names: readonly string[]): Promise<void> {
  const from = join(all, "lib/modules", release);
  const to = join(tree, "lib/modules", release);
  await mkdir(to, { recursive: true });
  await run(["depmod", "-b", all, release]);
  for (const name of ["modules.builtin", "modules.builtin.modinfo", "modules.order"])
    if (existsSync(join(from, name))) await copyFile(join(from, name), join(to, name));
  for (const path of await loadOrder(from, names, optional)) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await cp(join(from, path), join(to, path));
  }
  await run(["depmod", "-b", tree, release]);
}

/** The files of the named modules with all that they depend on, in an order in which they can be loaded.
 *  @param folder …/lib/modules/<release>, with depmod's files */
export async function loadOrder(
  folder: string,
  names: readonly string[],
  mayBeAbsent: readonly string[] = [],
): Promise<readonly string[]> {
  const canonical = (path: string): string => basename(path).replace(/\.ko$/, "").replaceAll("-", "_");
  const lines = (await readFile(join(folder, "modules.dep"), "utf8")).trim().split("\n");
  const modules = new Map(
    lines.map((line) => {
      const [path = "", needs = ""] = line.split(":");
      return [canonical(path), { path, needs: needs.split(" ").filter((need) => need !== "") }];
    }),
  );
  // crc32c and friends are found by crypto aliases, which modules.dep does not list but modules.softdep does.
  const builtIn = new Set((await readFile(join(folder, "modules.builtin"), "utf8")).trim().split("\n").map(canonical));
  const order: string[] = [];
  const visit = (name: string): void => {
    const module = modules.get(name);
    if (module === undefined) {
      if (builtIn.has(name) || mayBeAbsent.includes(name)) return;
      throw new Error(`the kernel in ${folder} has no module ${name}`);
    }
    if (order.includes(module.path)) return;
    for (const need of module.needs) visit(canonical(need));
    order.push(module.path);
  };
  for (const name of names) visit(name.replaceAll("-", "_"));
  return order;
}
