/** What Buildroot built, in place of what is put together from Debian's packages: the folder of images that CAIRN_IMAGES names. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Arch, repository } from "./host.ts";

/** Paths of what a build leaves (bsp-buildroot/board/all/post-image.sh). */
export interface Images {
  readonly kernel: string;
  readonly initramfs: string;
  readonly modules: string;
  readonly rootfs: string;
  readonly disk: string;
  /** What a board without a BIOS has in its flash; null: it has one. */
  readonly uBoot: string | null;
}

/** Null when the tests are not about built images. */
export function builtImages(arch: Arch): Images | null {
  const folder = process.env["CAIRN_IMAGES"] ?? "";
  if (folder === "") return null;
  const inside = (name: string): string => {
    const path = resolve(repository, folder, name);
    if (!existsSync(path)) throw new Error(`CAIRN_IMAGES: ${path} is missing: it has no image for ${arch}`);
    return path;
  };
  return {
    kernel: inside(arch === "x86_64" ? "bzImage" : "Image"),
    initramfs: inside("cairn-initramfs.cpio.gz"),
    modules: inside(join("revision", "bsp", "modules.squashfs")),
    rootfs: inside("rootfs.squashfs"),
    disk: inside("disk.img"),
    uBoot: arch === "x86_64" ? null : inside("u-boot.bin"),
  };
}
