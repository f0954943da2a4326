import { constants, fsyncSync, readSync, writeSync } from "node:fs";
import {
  type Ext4Size,
  explainLinux,
  ext4Size,
  growLastPartition,
  MBR_BYTES,
  type MountEntry,
  nextExt4Size,
  type Partition,
  partitionAt,
  readMountinfo,
  readText,
  resizeExt4,
  resizePartition,
  type SysError,
  viaNode,
  withFd,
} from "../linux/index.ts";
import type { Logger } from "../logs/index.ts";
import { err, ok, type Result } from "../result.ts";

const SECTOR_BYTES = 512;
const SUPERBLOCK_END = 2048;
/** Writing the inode tables of so much, 4 MiB, holds process 1 up for a moment. */
const STEP_BYTES = 256 * 1024 * 1024;
const PAUSE_MS = 50;
const mib = (bytes: number): number => Math.floor(bytes / (1024 * 1024));

/**
 * Grows the storage that is mounted at `path` to the end of its disk: its partition, where that is the last one of an MBR, then its
 * ext4. Each step is whole or not there after a power cut, and the next boot goes on from it. Where nothing is gained nothing is
 * written; nothing ever shrinks, and no failure keeps the device from running.
 */
export async function growStorage(path: string, log: Pick<Logger, "info" | "warn">): Promise<void> {
  const done = await grow(path, log);
  if (!done.ok) log.warn(`the storage does not grow: ${done.error}`);
}

async function grow(path: string, log: Pick<Logger, "info" | "warn">): Promise<Result<void, string>> {
  const mounts = readMountinfo();
  if (!mounts.ok) return explained(mounts);
  const mount = mounts.value.findLast(({ target }) => target === path);
  if (mount?.type !== "ext4") return err(`${path} is no ext4 file system, but ${mount?.type ?? "nothing"}`);
  const partition = partitionAt(mount);
  if (!partition.ok) return explained(partition);
  if (partition.value !== null) {
    const grown = growPartition(partition.value);
    if (!grown.ok) log.warn(`the storage partition stays as large as it is: ${grown.error}`);
    else if (grown.value !== null) log.info(`the storage partition is now of ${mib(grown.value)} MiB`);
  }
  return growFileSystem(mount, path, log);
}

/** Gives the new size in bytes; `null` when the partition reaches to the disk's end already. */
function growPartition({
  disk,
  number,
  startSectors,
  diskSectors,
  logicalBlockBytes,
}: Partition): Result<number | null, string> {
  if (logicalBlockBytes !== SECTOR_BYTES) return err(`${disk} has sectors of ${logicalBlockBytes} bytes`);
  const done = withFd(disk, constants.O_RDWR, (fd): Result<number | null, string | SysError> => {
    const table = read(fd, MBR_BYTES);
    const grown = table.ok ? growLastPartition(table.value, number, diskSectors) : table;
    if (!grown.ok || grown.value === null) return grown.ok ? ok(null) : grown;
    const { sector, sectors } = grown.value;
    // The table first, and down on the disk: a file system larger than its partition would never be mounted again.
    const written = viaNode("write", { path: disk }, () => {
      writeSync(fd, sector, 0, sector.length, 0);
      fsyncSync(fd);
    });
    if (!written.ok) return written;
    const lengthBytes = sectors * SECTOR_BYTES;
    const told = resizePartition(fd, { number, startBytes: startSectors * SECTOR_BYTES, lengthBytes });
    return told.ok ? ok(lengthBytes) : told;
  });
  if (done.ok) return done;
  return err(typeof done.error === "string" ? `${disk}: ${done.error}` : explainLinux(done.error));
}

async function growFileSystem(
  mount: MountEntry,
  path: string,
  log: Pick<Logger, "info">,
): Promise<Result<void, string>> {
  const sectors = readText(`/sys/dev/block/${mount.major}:${mount.minor}/size`);
  if (!sectors.ok) return explained(sectors);
  const deviceBytes = Number(sectors.value) * SECTOR_BYTES;
  let from: number | null = null;
  let longestMs = 0;
  for (;;) {
    const size = sizeOf(mount.source);
    if (!size.ok) return size;
    const sizeBytes = size.value.blocks * size.value.blockBytes;
    const next = nextExt4Size(size.value, deviceBytes, STEP_BYTES);
    if (next === null) {
      if (from !== null)
        log.info(`the storage grew from ${mib(from)} to ${mib(sizeBytes)} MiB, its longest step took ${longestMs} ms`);
      return ok(undefined);
    }
    from ??= sizeBytes;
    const startMs = performance.now();
    const resized = resizeExt4(path, next);
    if (!resized.ok) return explained(resized);
    longestMs = Math.max(longestMs, Math.ceil(performance.now() - startMs));
    await Bun.sleep(PAUSE_MS);
  }
}

function sizeOf(device: string): Result<Ext4Size, string> {
  const start = withFd(device, constants.O_RDONLY, (fd) => read(fd, SUPERBLOCK_END));
  if (!start.ok) return explained(start);
  const size = ext4Size(start.value);
  return size === undefined ? err(`${device} has no superblock of ext4`) : ok(size);
}

const read = (fd: number, lengthBytes: number): Result<Uint8Array, SysError> =>
  viaNode("read", { lengthBytes }, () => {
    const bytes = new Uint8Array(lengthBytes);
    return bytes.subarray(0, readSync(fd, bytes, 0, lengthBytes, 0));
  });

const explained = (failed: {
  readonly ok: false;
  readonly error: Parameters<typeof explainLinux>[0];
}): Result<never, string> => err(explainLinux(failed.error));
