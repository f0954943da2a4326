/** Replays a recording: every flush boundary and many random cuts, each checked. In a mount namespace of its own (see proof.ts). */
import { mkdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attachLoop, explainLinux, mount } from "../../runtime/linux/index.ts";
import { storageStart } from "../qemu/head.ts";
import { run } from "../qemu/host.ts";
import type { Arch } from "../qemu/index.ts";
import { newRng } from "../sim/rng.ts";
import { type CheckSpec, check } from "./check.ts";
import { CutDisk, type CutImage } from "./cut-disk.ts";
import { boundaries, type Cut, randomCuts } from "./cuts.ts";
import { KnownBytes } from "./known-bytes.ts";
import { loaderViews } from "./loader-view.ts";
import { explainBadLog, openLog, SECTOR_BYTES, type WriteLog } from "./log.ts";
import { bootFilesOf, type Recording } from "./record.ts";
import { boot } from "./recover.ts";

export interface ReplaySpec {
  readonly arch: Arch;
  readonly recording: Recording;
  readonly seed: number;
  /** Random cuts. */
  readonly count: number;
  /** By place in the order of all cuts: those that are checked. */
  wanted(number: number): boolean;
  /** A folder to mount on; nothing stays in it. */
  readonly scratch: string;
}

export interface Looked {
  readonly cut: Cut;
  /** Place in the order of all cuts. */
  readonly number: number;
  readonly image: CutImage;
  readonly problems: readonly string[];
}

export const openRecording = ({ disk, log }: Recording): WriteLog => {
  const opened = openLog(log, statSync(disk).size);
  if (!opened.ok) throw new Error(explainBadLog(opened.error));
  return opened.value;
};

export const cutsOf = (log: WriteLog, seed: number, count: number): readonly Cut[] =>
  [...boundaries(log.entries), ...randomCuts(log.entries, newRng(seed), count)].toSorted(
    (a, b) => a.durable - b.durable,
  );

export async function replay(spec: ReplaySpec, heard: (looked: Looked) => Promise<void>): Promise<void> {
  const folder = await sharingFileSystem(spec.scratch);
  const [start, total] = [storageStart / SECTOR_BYTES, statSync(spec.recording.disk).size / SECTOR_BYTES];
  const sectors = total - start - (1 << 20) / SECTOR_BYTES; // the last MiB holds the partition table's second copy
  const [bootImage, storage] = [join(folder, "boot.img"), join(folder, "storage.img")];
  const part = (to: string, from: number, count: number) =>
    run(["dd", `if=${spec.recording.disk}`, `of=${to}`, "bs=1M", ...mebibytes(from, count), "conv=sparse"]);
  await part(bootImage, 0, start);
  await part(storage, start, sectors);
  truncateSync(bootImage, start * SECTOR_BYTES);
  truncateSync(storage, sectors * SECTOR_BYTES);

  const log = openRecording(spec.recording);
  const disk = new CutDisk({ log, boot: bootImage, storage, storageStart: start, storageSectors: sectors });
  const { arch } = spec;
  const checks: CheckSpec = {
    arch,
    view: loaderViews[arch],
    boot,
    known: new KnownBytes(),
    bootFiles: await bootFilesOf(spec.recording),
    root: join(spec.scratch, "storage"),
  };
  for (const [number, cut] of cutsOf(log, spec.seed, spec.count).entries()) {
    if (!spec.wanted(number)) continue;
    await disk.with(cut, async (image) => heard({ cut, number, image, problems: await check(checks, image) }));
  }
  log.close();
}

const mebibytes = (from: number, count: number): readonly string[] => {
  const mib = (1 << 20) / SECTOR_BYTES;
  return [`skip=${from / mib}`, `count=${count / mib}`];
};

/** An XFS in memory: a copy of an image costs nothing, and nothing of it outlives the namespace. */
async function sharingFileSystem(scratch: string): Promise<string> {
  const memory = mount({ source: "tmpfs", target: scratch, type: "tmpfs", options: "size=6G" });
  if (!memory.ok) throw new Error(explainLinux(memory.error));
  const [image, folder] = [join(scratch, "xfs.img"), join(scratch, "xfs")];
  writeFileSync(image, "");
  truncateSync(image, 5 * 2 ** 30);
  await run(["mkfs.xfs", "-q", "-m", "reflink=1", image]);
  mkdirSync(folder);
  const loop = attachLoop({ file: image, readOnly: false, directIo: false });
  if (!loop.ok) throw new Error(explainLinux(loop.error));
  const mounted = mount({ source: loop.value.path, target: folder, type: "xfs", flags: ["noatime"] });
  loop.value.release();
  if (!mounted.ok) throw new Error(explainLinux(mounted.error));
  return folder;
}
