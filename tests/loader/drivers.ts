/** Every driver on a device of its own, with an environment that holds somebody else's variable. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Format } from "../../runtime/loader/format.ts";
import { grubenv } from "../../runtime/loader/grubenv.ts";
import {
  type Area,
  type Loader,
  type LoaderPorts,
  type LoaderType,
  openArea,
  openLoader,
} from "../../runtime/loader/index.ts";
import { currentCopy, decodeCopy, encodeCopy, singleCopy } from "../../runtime/loader/uboot-binary.ts";
import { rpiabText, ubootText } from "../../runtime/loader/uboot-text.ts";
import type { Variables } from "../../runtime/loader/variables.ts";
import { type Disk, realDisk } from "../../runtime/store/index.ts";
import { watchfulDisk } from "../store/disks.ts";
import { emptyFolder, must, stateOf } from "../store/world.ts";
import { Pi } from "./raspberry.ts";

/** One device: its loader on any disk, and what a boot loader would read. */
export interface Device {
  open(disk: Disk, guard?: (area: Area) => Area): Promise<Loader>;
  /** As the boot loader itself reads it, the spare and all else aside. */
  seen(): Variables;
}

/** Does not wait for a real disk, and throws when bytes are renamed that are not durable. */
export const quickDisk = (): Disk => watchfulDisk(realDisk).disk;

export const bootable = stateOf({
  "bsp/kernel": "kernel",
  "bsp/initrd": "initrd",
  "bsp/rpi.img.gz": "image",
  "bsp/run.json": { linux: "kernel", initrd: "initrd", rpiab: "rpi.img.gz" },
});

const STRANGERS: Variables = new Map([
  ["pv_trying_else", "kept"], // one of our names is the beginning of it
  ["bootdelay", "2"],
  ["empty", ""],
]);

function inFile(type: LoaderType, name: string, format: Format<Variables>): Device {
  const storage = emptyFolder();
  const path = join(storage, "boot", name);
  mkdirSync(join(storage, "boot"));
  writeFileSync(path, must(format.encode(STRANGERS)));
  const ubootEnv = type === "uboot-env" ? { ubootEnv: { path, sizeBytes: format.bytesMax } } : {};
  return {
    open: async (disk) => must(openLoader(type, { disk, storage, ...ubootEnv })),
    seen: () => must(format.decode(readFileSync(path))),
  };
}

export const COPY_BYTES = 8192;

/** Two copies in one file, as in two places of a block device. */
export function pairDevice(flags = 255): Device & { readonly path: string } {
  const path = join(emptyFolder(), "mmcblk0");
  const first = must(encodeCopy(STRANGERS, COPY_BYTES, flags));
  writeFileSync(path, Buffer.concat([first, Buffer.alloc(COPY_BYTES, 0xff), Buffer.from("behind")]));
  const copies = (): [Uint8Array, Uint8Array] => {
    const bytes = readFileSync(path);
    return [bytes.subarray(0, COPY_BYTES), bytes.subarray(COPY_BYTES, 2 * COPY_BYTES)];
  };
  return {
    path,
    open: async (disk, guard = (area) => area) => {
      const area = async (at: number): Promise<Area> => guard(must(await openArea(path, at, COPY_BYTES)));
      const ports: LoaderPorts = { disk, storage: "/none", ubootEnv: [await area(0), await area(COPY_BYTES)] };
      return must(openLoader("uboot-env", ports));
    },
    seen: () => {
      const both = copies();
      const current = currentCopy(...both);
      if (current === null) throw new Error("no copy holds");
      return must(decodeCopy(both[current]));
    },
  };
}

function piDevice(kernels: readonly [string, string]): Device {
  const pi = new Pi();
  for (const [at, kernel] of kernels.entries()) pi.trail(`${at + 1}`, kernel);
  const path = join(pi.storage, "boot/rpiab.txt");
  writeFileSync(path, must(rpiabText.encode(STRANGERS)));
  return {
    open: async (disk, guard) => must(openLoader("rpiab", { disk, storage: pi.storage, rpi: pi.ports(guard) })),
    seen: () => must(rpiabText.decode(readFileSync(path))),
  };
}

export const devices: Readonly<Record<string, () => Device>> = {
  grub: () => inFile("grub", "grubenv", grubenv),
  uboot: () => inFile("uboot", "uboot.txt", ubootText),
  "uboot-pvk": () => inFile("uboot-pvk", "uboot.txt", ubootText),
  none: () => inFile("none", "none.txt", ubootText),
  "uboot-env, two copies": () => pairDevice(),
  "uboot-env, one file": () => inFile("uboot-env", "uboot.env", singleCopy(4096)),
  "rpiab, another image": () => piDevice(["B", "C"]),
  "rpiab, the same image": () => piDevice(["A", "A"]),
};
