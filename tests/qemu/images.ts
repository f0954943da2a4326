/** What Buildroot built, in place of what is put together from Debian's packages: the folder of images that CAIRN_IMAGES names. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as v from "valibot";
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

/** A path in the folder of images, which must be there; null when the tests are not about built images. */
function inBuilt(what: string): ((name: string) => string) | null {
  const folder = process.env["CAIRN_IMAGES"] ?? "";
  if (folder === "") return null;
  return (name) => {
    const path = resolve(repository, folder, name);
    if (!existsSync(path)) throw new Error(`CAIRN_IMAGES: ${path} is missing: it has no image for ${what}`);
    return path;
  };
}

/** Null when the tests are not about built images. */
export function builtImages(arch: Arch): Images | null {
  const inside = inBuilt(arch);
  if (inside === null) return null;
  return {
    kernel: inside(arch === "x86_64" ? "bzImage" : "Image"),
    initramfs: inside("cairn-initramfs.cpio.gz"),
    modules: inside(modules),
    rootfs: inside(
      join(base, v.parse(runJson, JSON.parse(readFileSync(inside(join(base, "run.json")), "utf8"))).rootfs),
    ),
    disk: inside("disk.img"),
    uBoot: arch === "x86_64" ? null : inside("u-boot.bin"),
  };
}

const base = join("revision", "bsp");
const modules = join(base, "modules.squashfs");
/** `bsp/run.json`, of which the base system's name tells whether it is a squashfs or an EROFS. */
const runJson = v.object({ rootfs: v.pipe(v.string(), v.regex(/^[\w-]+\.(?:squashfs|erofs)$/)) });

/** What a build for a Raspberry Pi leaves, and its last script begins with: the folder, and of it the kernel's modules. */
export function builtRaspberry(): { readonly folder: string; readonly modules: string } | null {
  const inside = inBuilt("a Raspberry Pi");
  return inside === null ? null : { folder: dirname(inside("rpi-firmware")), modules: inside(modules) };
}
