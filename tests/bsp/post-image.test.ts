/** board/all/post-image.sh for real, with genimage, mke2fs and mtools: a disk for each way to boot. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Built, type ImageSettings } from "./built.ts";

setDefaultTimeout(180_000); // many programs on a busy machine

const boards: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  grub: {
    "images/bzImage": "kernel",
    "images/grub.img": "GRUB, second stage",
    "build/grub2-2.12/build-i386-pc/grub-core/boot.img": "GRUB, first stage".padEnd(512, "."),
  },
  uboot: { "images/Image": "kernel", "images/flash.bin": "SPL and U-Boot", "images/imx8mm-evk.dtb": "device tree" },
  rpiab: {
    "images/Image": "kernel",
    "images/board.dtb": "device tree",
    "images/rpi-firmware/bootcode.bin": "bootcode",
    "images/rpi-firmware/config.txt": "kernel=Image\n",
    "images/rpi-firmware/overlays/uart.dtbo": "overlay",
  },
};

interface Partition {
  readonly start: number;
  readonly size: number;
  readonly type: string;
}

/** Builds, and fails with what the script said. */
function built(layout: string, settings: ImageSettings, files: Readonly<Record<string, string>> = {}): Built {
  const made = new Built({ ...boards[settings.CAIRN_LOADER], ...files });
  const { exit, said } = made.postImage(layout, settings);
  expect(exit, said).toBe(0);
  return made;
}

/** A card's erase blocks, and the blocks of a file system, begin where partitions begin. */
const ALIGNED_SECTORS = 2048;

function partitions(made: Built): readonly Partition[] {
  const { label, partitions: found }: { label: string; partitions: readonly Partition[] } = JSON.parse(
    made.ask("sfdisk", "--json", "disk.img"),
  ).partitiontable;
  expect(label).toBe("dos"); // only such a one grows
  expect(found.filter(({ start }) => start % ALIGNED_SECTORS !== 0)).toEqual([]);
  return found;
}

/** A file of a FAT partition of the disk; sectors are 512 bytes. */
const onFat = (made: Built, { start }: Partition, file: string): string =>
  made.ask("mtype", "-i", `disk.img@@${start * 512}`, `::${file}`);

/** An answer of debugfs about the storage partition of the disk. */
const onStorage = (made: Built, request: string): string =>
  made.ask("debugfs", "-R", request, `disk.img?offset=${(partitions(made).at(-1)?.start ?? 0) * 512}`);

/** What mke2fs draws by lot unless it is told. */
const drawn = (made: Built): readonly string[] =>
  onStorage(made, "show_super_stats -h").match(/(?<=^(?:Filesystem UUID|Directory Hash Seed): +)\S+$/gm) ?? [];

const runJson = (made: Built): unknown => JSON.parse(onStorage(made, "cat /trails/0/bsp/run.json"));

test("an EROFS is the base system where it is asked for, whatever an earlier build left beside it", () => {
  const both = { "images/rootfs.erofs": "new base system" }; // and a squashfs
  using made = built("qemu-x86_64/genimage.cfg", { CAIRN_LOADER: "grub", CAIRN_ROOTFS: "rootfs.erofs" }, both);
  expect(runJson(made)).toMatchObject({ rootfs: "rootfs.erofs" });
  expect(onStorage(made, "cat /trails/0/bsp/rootfs.erofs")).toBe("new base system");
  using other = built("qemu-x86_64/genimage.cfg", { CAIRN_LOADER: "grub" }, both);
  expect(runJson(other)).toMatchObject({ rootfs: "rootfs.squashfs" });
  expect(onStorage(other, "cat /trails/0/bsp/rootfs.squashfs")).toBe("base system");
});

test("GRUB: its stages in front of the table's first partition, its script and words on it", () => {
  using made = built("qemu-x86_64/genimage.cfg", { CAIRN_LOADER: "grub" });
  const [boot, storage, ...others] = partitions(made);
  if (boot === undefined || storage === undefined) throw new Error("two partitions are wanted");
  expect([boot.start, boot.type, storage.type, others]).toEqual([2048, "c", "83", []]);
  const disk = readFileSync(join(made.images, "disk.img"));
  expect(disk.subarray(0, 17).toString()).toBe("GRUB, first stage");
  expect(disk.subarray(512, 530).toString()).toBe("GRUB, second stage");
  expect(onFat(made, boot, "boot/grub/grub.cfg")).toStartWith("# Cairn's part of the boot");
  expect(onFat(made, boot, "boot/grub/cairn-args.cfg")).toBe(
    "set cairn_args='PV_STORAGE_DEVICE=LABEL=pvdata console=ttyS0,115200'\nset cairn_label='pvdata'\n",
  );
  expect(onFat(made, boot, "pv.env")).toHaveLength(1024);
});

test("the storage has revision 0 as a device lays it out, and everything is root's", () => {
  using made = built("qemu-x86_64/genimage.cfg", { CAIRN_LOADER: "grub", CAIRN_STORAGE_LABEL: "field" });
  expect(runJson(made)).toEqual({
    initrd: "initramfs.cpio.gz",
    linux: "kernel.img",
    modules: "modules.squashfs",
    rootfs: "rootfs.squashfs",
  });
  expect(onStorage(made, "cat /trails/0/.pv/pv-kernel.img")).toBe("kernel");
  expect(onStorage(made, "cat /trails/0/.pv/pv-initrd.img")).toBe("first stage");
  expect(onStorage(made, "cat /trails/0/bsp/rootfs.squashfs")).toBe("base system");
  expect(onStorage(made, "show_super_stats -h")).toMatch(/volume name: +field\n/);
  expect(onStorage(made, "show_super_stats -h")).not.toContain("metadata_csum");
  for (const path of ["/objects", "/trails/0/.pvr/json"])
    expect(onStorage(made, `stat ${path}`)).toMatch(/User: +0 +Group: +0 /);
  expect(existsSync(join(made.images, "revision/.pvr/json"))).toBe(true);
});

test("containers of a folder join revision 0, which is signed as a whole", () => {
  using made = new Built({ ...boards["grub"], "containers/.keep": "" });
  const inside = (...words: readonly string[]) =>
    made.ask("sh", "-c", `cd .. && PATH=$PWD/host:$PATH && ${words.join(" && ")}`);
  made.write("source/web/root.squashfs", "web root");
  made.write("source/web/lxc.conf", "lxc.uts.name = web");
  const run = { name: "web", type: "lxc", config: "lxc.conf", "root-volume": "root.squashfs" };
  made.write("source/web/run.json", JSON.stringify(run));
  inside(
    "cairn key new authority.pem --self-signed Authority --authority",
    "cairn key new signer.pem --issued Signer --ca authority.crt --ca-key authority.pem",
    "cairn new source --objects .pvr/objects && cd source && cairn add && cairn commit -m web",
    "cairn export -p web ../containers/web.tgz",
  );
  const trusted = {
    CAIRN_TRUST: join(made.folder, "authority.crt"),
    CAIRN_CONTAINERS: join(made.folder, "containers"),
  };
  const signed = {
    CAIRN_SIGN_KEY: join(made.folder, "signer.pem"),
    CAIRN_SIGN_CERTIFICATE: join(made.folder, "signer.crt"),
  };
  const unsigned = made.postImage("qemu-x86_64/genimage.cfg", { CAIRN_LOADER: "grub", ...trusted });
  expect([unsigned.exit, existsSync(join(made.images, "disk.img"))]).toEqual([1, false]);
  const { exit, said } = made.postImage("qemu-x86_64/genimage.cfg", { CAIRN_LOADER: "grub", ...trusted, ...signed });
  expect(exit, said).toBe(0);
  expect(onStorage(made, "cat /trails/0/web/root.squashfs")).toBe("web root");
  expect(said).toContain("_sigs/device.json: good");
});

test("the same files make the same revision and the same boot partitions, wherever and whenever", async () => {
  for (const [loader, layout, partition] of [
    ["rpiab", "raspberrypi/genimage.cfg", "select.vfat"],
    ["grub", "qemu-x86_64/genimage.cfg", "boot.vfat"],
  ] as const) {
    const overlays = Array.from(
      { length: 9 },
      (_, at) => [`images/rpi-firmware/overlays/${at}.dtbo`, `${at}`] as const,
    );
    using first = built(layout, { CAIRN_LOADER: loader }, Object.fromEntries(overlays));
    await Bun.sleep(2_100); // FAT counts every other second
    using second = built(layout, { CAIRN_LOADER: loader }, Object.fromEntries(overlays.toReversed()));
    for (const file of ["revision/.pvr/json", partition, ...(loader === "rpiab" ? ["slot.vfat"] : [])])
      expect(readFileSync(join(second.images, file)).equals(readFileSync(join(first.images, file))), file).toBe(true);
    // The times of its files are SOURCE_DATE_EPOCH's only where Buildroot's mke2fs (1.47.1 and later) made it.
    expect(drawn(first)).toHaveLength(2);
    expect(drawn(second)).toEqual(drawn(first));
    using other = built(layout, { CAIRN_LOADER: loader }, { "images/Image": "kernel 2", "images/bzImage": "kernel 2" });
    expect(drawn(other)).not.toEqual(drawn(first));
  }
});

test("without a boot loader there is a revision and no disk", () => {
  using made = new Built({ "images/Image": "kernel" });
  expect(made.postImage("qemu-aarch64/genimage.cfg", { CAIRN_LOADER: "none" }).exit).toBe(0);
  expect([existsSync(join(made.images, "revision/.pvr/json")), existsSync(join(made.images, "disk.img"))]).toEqual([
    true,
    false,
  ]);
});

test("U-Boot of an i.MX8M: in the gap where the ROM looks, the device tree in the revision", () => {
  using made = built("imx8m/genimage-imx8mm.cfg", { CAIRN_LOADER: "uboot", CAIRN_DEVICETREE: "freescale/imx8mm-evk" });
  const [boot, storage, ...others] = partitions(made);
  if (boot === undefined || storage === undefined) throw new Error("two partitions are wanted");
  expect([boot.start * 512, others]).toEqual([8 << 20, []]);
  const disk = readFileSync(join(made.images, "disk.img"));
  expect(disk.subarray(33 << 10, (33 << 10) + 14).toString()).toBe("SPL and U-Boot");
  for (const place of [4 << 20, 7 << 20])
    expect(disk.subarray(place, place + (16 << 10)).some((byte) => byte !== 0)).toBe(false);
  expect(onFat(made, boot, "boot.scr")).toContain("# Cairn's part of the boot");
  expect(onFat(made, boot, "cairn-args.txt")).toBe("cairn_args=PV_STORAGE_DEVICE=LABEL=pvdata console=ttyS0,115200\n");
  expect(onStorage(made, "cat /trails/0/.pv/pv-fdt.dtb")).toBe("device tree");
});

test.each(["mm", "mp"])("U-Boot of an i.MX8M that has grown into its environment makes no disk: %s", (chip) => {
  using made = new Built({ ...boards["uboot"], "images/flash.bin": "U-Boot".padEnd(4 << 20, ".") });
  const { exit, said } = made.postImage(`imx8m/genimage-imx8${chip}.cfg`, { CAIRN_LOADER: "uboot" });
  expect([exit, existsSync(join(made.images, "disk.img"))]).toEqual([1, false]);
  expect(said).toContain("partition environment (offset 0x400000, size 0x4000) overlaps previous partition loader");
});

test("U-Boot of QEMU's board: nothing in front of the boot partition", () => {
  using made = built("qemu-aarch64/genimage.cfg", { CAIRN_LOADER: "uboot" });
  const [boot, , ...others] = partitions(made);
  if (boot === undefined) throw new Error("two partitions are wanted");
  expect(others).toEqual([]);
  expect(onFat(made, boot, "boot.scr")).toContain("# Cairn's part of the boot");
});

test("U-Boot of a Raspberry Pi: the firmware starts it in the kernel's place, and has the device trees", () => {
  const files = {
    ...boards["rpiab"],
    "images/u-boot.bin": "U-Boot",
    "images/rpi-firmware/config.txt":
      "start_file=start.elf\nkernel=Image\ninitramfs first.gz followkernel\ndtparam=watchdog=on\n",
    "images/rpi-firmware/cmdline.txt": "root=/dev/mmcblk0p2",
  };
  const settings = { CAIRN_LOADER: "uboot", CAIRN_DEVICETREE: "broadcom/a broadcom/b" };
  using made = built("raspberrypi/genimage-uboot.cfg", settings, files);
  const [boot, storage, ...others] = partitions(made);
  if (boot === undefined || storage === undefined) throw new Error("two partitions are wanted");
  expect([boot.type, storage.type, others]).toEqual(["c", "83", []]);
  expect(onFat(made, boot, "config.txt")).toBe("start_file=start.elf\ndtparam=watchdog=on\nkernel=u-boot.bin\n");
  expect(onFat(made, boot, "boot.scr")).toContain("# Cairn's part of the boot");
  expect(onFat(made, boot, "cairn-args.txt")).toBe("cairn_args=PV_STORAGE_DEVICE=LABEL=pvdata console=ttyS0,115200\n");
  for (const [file, bytes] of [
    ["u-boot.bin", "U-Boot"],
    ["bootcode.bin", "bootcode"],
    ["board.dtb", "device tree"],
    ["overlays/uart.dtbo", "overlay"],
  ] as const)
    expect(onFat(made, boot, file)).toBe(bytes);
  expect(made.ask("mdir", "-b", "-i", `disk.img@@${boot.start * 512}`, "::")).not.toContain("cmdline.txt");
  expect(runJson(made)).toEqual({
    initrd: "initramfs.cpio.gz",
    linux: "kernel.img",
    modules: "modules.squashfs",
    rootfs: "rootfs.squashfs",
  });
});

test("U-Boot of a Raspberry Pi that nobody has built is missed, by name", () => {
  using made = new Built({ ...boards["rpiab"] });
  const { exit, said } = made.postImage("raspberrypi/genimage-uboot.cfg", { CAIRN_LOADER: "uboot" });
  expect(said).toMatch(/images\/u-boot\.bin is missing: board\/raspberrypi\/uboot\.config/);
  expect([exit, existsSync(join(made.images, "disk.img"))]).toEqual([1, false]);
});

test("a Raspberry Pi: what selects, one filled boot partition of two, the image of it in the revision", () => {
  using made = built("raspberrypi/genimage.cfg", { CAIRN_LOADER: "rpiab" });
  const [select, a, b, storage] = partitions(made);
  if (select === undefined || a === undefined || b === undefined || storage === undefined)
    throw new Error("four partitions are wanted");
  expect(onFat(made, select, "autoboot.txt")).toBe(
    "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n",
  );
  expect(onFat(made, select, "bootcode.bin")).toBe("bootcode");
  expect(onFat(made, a, "pv_rev.txt")).toBe("0\n");
  expect(onFat(made, a, "cmdline.txt")).toBe("panic=2 PV_STORAGE_DEVICE=LABEL=pvdata console=ttyS0,115200\n");
  for (const [file, bytes] of [
    ["Image", "kernel"],
    ["cairn-initramfs.cpio.gz", "first stage"],
    ["board.dtb", "device tree"],
    ["overlays/uart.dtbo", "overlay"],
  ] as const)
    expect(onFat(made, a, file)).toBe(bytes);
  expect(b.size).toBeGreaterThanOrEqual(a.size);
  expect(runJson(made)).toEqual({
    modules: "modules.squashfs",
    rootfs: "rootfs.squashfs",
    rpiab: "rpiboot.img",
  });
});
