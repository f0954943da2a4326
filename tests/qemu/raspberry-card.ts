/** The card of a Raspberry Pi 3, made as a build makes it: by bsp-buildroot/board/all/post-image.sh, with the board's own settings. */
import { existsSync } from "node:fs";
import { mkdir, symlink, truncate } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { postImage } from "../bsp/built.ts";
import { defconfigs, withUBoot, wordsOf } from "../bsp/defconfigs.ts";
import { type ContainerSpec, containerParts } from "./container.ts";
import { desk } from "./desk.ts";
import { hostArch, repository, run, sha256OfFile } from "./host.ts";
import { layDebiansUBoot, layParts } from "./raspberry-parts.ts";
import { layWorkingCopy } from "./release.ts";

const mib = 1024 * 1024;
/** QEMU takes powers of two. What is beyond the image is there for the storage to grow. */
const cardBytes = 512 * mib;
export const storageMib = 320;

export interface CardSpec {
  readonly loader: "rpiab" | "uboot";
  readonly container: ContainerSpec;
  /** What the kernel is told beside the board's own words. */
  readonly words?: readonly string[];
  /** Changes the finished card. */
  readonly prepare?: (card: Card) => Promise<void>;
}

export interface Card {
  readonly path: string;
  /** Where partitions begin, from the first one on; bytes. */
  readonly starts: readonly number[];
  /** What it was made from, by Buildroot's names. */
  readonly images: string;
}

/** Makes it in a (new) folder, which it uses throughout. */
export async function makeCard(folder: string, { loader, container, words = [], prepare }: CardSpec): Promise<Card> {
  const images = join(folder, "images");
  const configured = (loader === "uboot" ? withUBoot : defconfigs).find(({ name }) => name.includes("raspberrypi3_64"));
  if (configured === undefined) throw new Error("there is no defconfig for a Raspberry Pi 3");
  const [layout = ""] = wordsOf(configured, "BR2_ROOTFS_POST_SCRIPT_ARGS");
  const [console = ""] = wordsOf(configured, "BR2_PACKAGE_CAIRN_CONSOLE");
  await layParts(images, join(folder, "target/lib/modules"));
  const ours = loader === "uboot" && !existsSync(join(images, "u-boot.bin")) ? await layDebiansUBoot(images) : null;
  await layContainer(folder, container);
  const { exit, said } = postImage(folder, layout.replace("$(BR2_EXTERNAL_CAIRN_PATH)/board/", ""), {
    CAIRN_LOADER: loader,
    CAIRN_STORAGE_SIZE: `${storageMib}M`,
    CAIRN_CMDLINE: [`console=${console}`, `PV_BOOTLOADER_TYPE=${loader}`, ...common, ...words].join(" "),
    CAIRN_DEVICETREE: wordsOf(configured, "BR2_LINUX_KERNEL_INTREE_DTS_NAME").join(" "),
    CAIRN_CONTAINERS: join(folder, "containers"),
  });
  if (exit !== 0) throw new Error(`board/all/post-image.sh: exit code ${exit}\n${said}`);
  const path = join(images, "disk.img");
  await truncate(path, cardBytes);
  const card = { path, starts: await partitionStarts(path), images };
  if (ours !== null) await onFat(card, 1).put("uboot.env", ours);
  await prepare?.(card);
  return card;
}

/** What process 1 says is evidence, and the kernel of Debian is told what that of a device is configured for. The watchdog's seconds are
 *  none in QEMU (7.2: hw/misc/bcm2835_powermgt.c): whoever starts it is reset at once. */
const common = [
  ...["PV_STORAGE_GROW=1", "PV_LOG_LEVEL=3", "PV_LOG_SERVER_OUTPUTS=filetree,stdout", "PV_WDT_MODE=disabled"],
  ...["apparmor=0"],
];

/** Has `containers` hold an export of it, and `host` the program that makes revisions. */
async function layContainer(folder: string, container: ContainerSpec): Promise<void> {
  for (const name of ["containers", "host"]) await mkdir(join(folder, name));
  await symlink(join(repository, "dist", `cairn-${hostArch()}`), join(folder, "host/cairn"));
  const cairn = await desk(folder);
  const inCopy = { at: "author" };
  await cairn(["new", "author", "--objects", ".pvr/objects"]);
  await layWorkingCopy(join(folder, "author"), await containerParts(container, sha256OfFile));
  await cairn(["add"], inCopy);
  await cairn(["commit", "-m", container.name], inCopy);
  await cairn(["export", "-p", container.name, `../containers/${container.name}.tgz`], inCopy);
}

const Table = v.object({ partitiontable: v.object({ partitions: v.array(v.object({ start: v.number() })) }) });

async function partitionStarts(path: string): Promise<readonly number[]> {
  const { partitiontable } = v.parse(Table, JSON.parse(await run(["sfdisk", "--json", path])));
  return partitiontable.partitions.map(({ start: sector }) => sector * 512);
}

export interface Fat {
  has(file: string): Promise<boolean>;
  /** Null when it is not there. */
  text(file: string): Promise<string | null>;
  /** Copies it out of there. */
  take(file: string, to: string): Promise<void>;
  put(file: string, content: Uint8Array): Promise<void>;
}

/** The FAT file system on partition `number` of a card that no machine uses. */
export function onFat({ path, starts }: Card, number: number): Fat {
  const image = ["-i", `${path}@@${starts[number - 1]}`];
  const has = async (file: string): Promise<boolean> =>
    (await run(["mdir", "-b", ...image, `::${file}`], { accept: [0, 1] })) !== "";
  return {
    has,
    text: async (file) => ((await has(file)) ? run(["mtype", ...image, `::${file}`]) : null),
    take: async (file, to) => void (await run(["mcopy", "-o", ...image, `::${file}`, to])),
    put: async (file, content) => void (await run(["mcopy", "-o", ...image, "-", `::${file}`], { stdin: content })),
  };
}
