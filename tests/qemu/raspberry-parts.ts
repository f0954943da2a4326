/** What a Raspberry Pi's card is made of, as Buildroot leaves it for its last script: from Debian's packages, or from a build. */
import { copyFile, cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { externalTree } from "../bsp/kconfig.ts";
import { baseSystem } from "./base.ts";
import { packages, unpacked } from "./debian.ts";
import { run } from "./host.ts";
import { builtRaspberry } from "./images.ts";
import { initramfs } from "./initramfs.ts";
import { kernel } from "./kernel.ts";
import { uBootEnvironment } from "./loaders.ts";

const arch = "aarch64";

/** Fills the (new) folder of images and that of the kernel's modules. */
export async function layParts(images: string, modules: string): Promise<void> {
  const built = builtRaspberry();
  if (built === null) return layDebiansParts(images, modules);
  const made = /\/(?:revision|[^/]+\.(?:img|vfat|ext4))$/; // by the last script, which runs again
  await cp(built.folder, images, { recursive: true, filter: (path) => !made.test(path) });
  await mkdir(modules, { recursive: true });
  await run(["unsquashfs", "-quiet", "-no-progress", "-dest", join(modules, "built"), built.modules]);
}

/** By the names that Buildroot gives to its own. */
async function layDebiansParts(images: string, modules: string): Promise<void> {
  const { image, tree, release, deviceTrees } = await kernel(arch);
  await mkdir(join(images, "rpi-firmware/overlays"), { recursive: true });
  await copyFile(image, join(images, "Image"));
  await copyFile(join(deviceTrees, "bcm2837-rpi-3-b.dtb"), join(images, "bcm2837-rpi-3-b.dtb"));
  await copyFile(await initramfs(arch, "raspberry"), join(images, "cairn-initramfs.cpio.gz"));
  await copyFile(await baseSystem(arch), join(images, "rootfs.squashfs"));
  await copyFile(join(externalTree, "board/raspberrypi/config-pi3.txt"), join(images, "rpi-firmware/config.txt"));
  const overlay = join(images, "rpi-firmware/overlays/miniuart-bt.dtbo");
  await run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", overlay, "-"], { stdin: fullUart });
  await cp(join(tree, "lib/modules", release), join(modules, release), { recursive: true });
}

/** The vendor's overlay of this name, as far as QEMU's board goes, for Linux's own device tree: the full UART is not Bluetooth's. */
const fullUart = `/dts-v1/;
/plugin/;
/ {
  fragment@0 {
    target-path = "/soc/serial@7e201000/bluetooth";
    __overlay__ { status = "disabled"; };
  };
  fragment@1 {
    target-path = "/chosen";
    __overlay__ { stdout-path = "serial0:115200n8"; };
  };
};
`;

/** Gives an environment that has it do what U-Boot is built to do in Buildroot, where it has none. */
export async function layDebiansUBoot(images: string): Promise<Uint8Array> {
  const set = await packages(arch, ["u-boot-rpi"], { alone: true });
  const program = join(await unpacked(set), "usr/lib/u-boot/rpi_arm64/u-boot.bin");
  await copyFile(program, join(images, "u-boot.bin"));
  const fragment = await Bun.file(join(externalTree, "board/raspberrypi/uboot.fragment")).text();
  const bootcmd = /^CONFIG_BOOTCOMMAND="(.*)"$/m.exec(fragment)?.[1];
  if (bootcmd === undefined) throw new Error("uboot.fragment has no boot command");
  return uBootEnvironment(program, 0x4000, { bootcmd, preboot: "" }); // CONFIG_ENV_SIZE of rpi_arm64
}
