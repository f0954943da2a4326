import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { err, ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { readText, viaNode } from "./libc.ts";
import { partitionUuid, type ReadAt } from "./partition-table.ts";
import { decodeSuperblock, type FileSystemIdentity, SUPERBLOCK_BYTES } from "./superblock.ts";

/** How a block device is named in a configuration: a tag of blkid(8), or a path. */
export type DeviceSelector = DeviceTag | { readonly by: "path"; readonly value: string };
type DeviceTag = { readonly by: "LABEL" | "UUID" | "PARTLABEL" | "PARTUUID"; readonly value: string };

export type DeviceNotFound = {
  readonly kind: "deviceNotFound";
  readonly wanted: string;
  readonly waitedMs: number;
  /** The block devices there were, such as "vda1". */
  readonly present: readonly string[];
};

export const explainDeviceNotFound = (e: DeviceNotFound): string =>
  `no block device ${e.wanted} after ${e.waitedMs} ms; there are: ${e.present.join(", ") || "none"}. Check the label or the driver`;

/** Takes "LABEL=x", "UUID=x", "PARTLABEL=x", "PARTUUID=x"; everything else is a path. */
export function parseDeviceSelector(text: string): DeviceSelector {
  const [, by, value] = /^(LABEL|UUID|PARTLABEL|PARTUUID)=(.*)$/s.exec(text) ?? [];
  const quoted = value === undefined ? undefined : /^"(.*)"$/s.exec(value)?.[1];
  if (by === undefined || value === undefined) return { by: "path", value: text };
  return { by: by as DeviceTag["by"], value: quoted ?? value };
}

const SYS_BLOCK = "/sys/class/block";

/** Names of all block devices with a size: "vda", "vda1", … */
export function listBlockDevices(): readonly string[] {
  const names = viaNode("readdir", { path: SYS_BLOCK }, () => readdirSync(SYS_BLOCK));
  if (!names.ok) return [];
  return names.value.filter((name) => Number(attribute(name, "size") ?? 0) > 0).sort();
}

const attribute = (device: string, file: string): string | undefined => {
  const text = readText(`${SYS_BLOCK}/${device}/${file}`); // devices come and go: a missing attribute is no error
  return text.ok ? text.value.trimEnd() : undefined;
};

/**
 * The partitions of the disk on which the partition with this device number is: paths by partition number. Empty for a device that is
 * no partition.
 */
export function partitionsBeside(
  { major, minor }: { readonly major: number; readonly minor: number },
  sysfs = "/sys",
): Result<ReadonlyMap<number, string>, SysError> {
  const path = `${sysfs}/dev/block/${major}:${minor}`;
  return viaNode("readdir", { path }, () => {
    const disk = dirname(realpathSync(path)); // a partition's folder in sysfs is inside its disk's
    const partitions = new Map<number, string>();
    for (const name of readdirSync(disk)) {
      const number = readText(`${disk}/${name}/partition`);
      if (number.ok) partitions.set(Number(number.value), `/dev/${name.replaceAll("!", "/")}`);
    }
    return partitions;
  });
}

/** A partition of a disk; sectors are those of sysfs, 512 bytes each, whatever the disk's own are. */
export type Partition = {
  /** Path of the disk that it is on. */
  readonly disk: string;
  readonly number: number;
  readonly startSectors: number;
  readonly diskSectors: number;
  /** In these a partition table counts. */
  readonly logicalBlockBytes: number;
};

/** What sysfs says of the partition with this device number; `null` for a device that is none. */
export function partitionAt(
  { major, minor }: { readonly major: number; readonly minor: number },
  sysfs = "/sys",
): Result<Partition | null, SysError> {
  const path = `${sysfs}/dev/block/${major}:${minor}`;
  return viaNode("read", { path }, () => {
    const folder = realpathSync(path);
    const disk = dirname(folder);
    const value = (file: string): number => Number(readFileSync(file, "utf8"));
    if (!existsSync(`${folder}/partition`)) return null;
    return {
      disk: `/dev/${basename(disk).replaceAll("!", "/")}`,
      number: value(`${folder}/partition`),
      startSectors: value(`${folder}/start`),
      diskSectors: value(`${disk}/size`),
      logicalBlockBytes: value(`${disk}/queue/logical_block_size`),
    };
  });
}

/** Reads without failing: an unreadable device (no medium, just unplugged) is one that does not match. */
const readAt =
  (path: string): ReadAt =>
  (offsetBytes, lengthBytes) => {
    const read = viaNode("read", { path, offsetBytes, lengthBytes }, () => {
      const fd = openSync(path, "r");
      try {
        const bytes = new Uint8Array(lengthBytes);
        return bytes.subarray(0, readSync(fd, bytes, 0, lengthBytes, offsetBytes));
      } finally {
        closeSync(fd);
      }
    });
    return read.ok ? read.value : new Uint8Array();
  };

/** Label and UUID of the file system on a block device or in an image file; `undefined` for one we do not know. */
export const readSuperblock = (path: string): FileSystemIdentity | undefined =>
  decodeSuperblock(readAt(path)(0, SUPERBLOCK_BYTES));

/** PARTNAME has been in uevent for long, PARTUUID only in recent kernels. */
const uevent = (device: string, key: string): string | undefined =>
  new RegExp(`^${key}=(.*)$`, "m").exec(attribute(device, "uevent") ?? "")?.[1];

function partUuid(device: string): string | undefined {
  const number = attribute(device, "partition");
  if (number === undefined) return undefined;
  const told = uevent(device, "PARTUUID");
  if (told !== undefined) return told;
  const link = viaNode("readlink", { device }, () => readlinkSync(`${SYS_BLOCK}/${device}`));
  if (!link.ok) return undefined;
  const disk = basename(dirname(link.value)); // a partition's folder in sysfs is inside its disk's
  const blockBytes = Number(attribute(disk, "queue/logical_block_size") ?? 512);
  return partitionUuid(readAt(`/dev/${disk}`), blockBytes, Number(number));
}

function matches(device: string, { by, value }: DeviceTag): boolean {
  switch (by) {
    case "LABEL":
      return readSuperblock(`/dev/${device}`)?.label === value;
    case "UUID":
      return readSuperblock(`/dev/${device}`)?.uuid.toLowerCase() === value.toLowerCase();
    case "PARTLABEL":
      return uevent(device, "PARTNAME") === value;
    case "PARTUUID":
      return partUuid(device)?.toLowerCase() === value.toLowerCase();
  }
}

const isBlockDevice = (path: string): boolean => {
  const stat = viaNode("stat", { path }, () => statSync(path));
  return stat.ok && stat.value.isBlockDevice();
};

/** The path of the first block device that the selector names, at this moment. A path may also be a link, as those of udev. */
export function findBlockDevice(selector: DeviceSelector): string | undefined {
  if (selector.by === "path") return isBlockDevice(selector.value) ? selector.value : undefined;
  const device = listBlockDevices().find((each) => matches(each, selector));
  return device === undefined ? undefined : `/dev/${device}`;
}

const POLL_MS = 100;

/** Waits until a device appears: buses such as USB and MMC are probed while PID 1 already runs. Looks ten times a second. */
export async function waitForBlockDevice(
  selector: DeviceSelector,
  timeoutMs: number,
): Promise<Result<string, DeviceNotFound>> {
  const startAtMs = performance.now();
  for (;;) {
    const found = findBlockDevice(selector);
    if (found !== undefined) return ok(found);
    const waitedMs = Math.round(performance.now() - startAtMs);
    if (waitedMs >= timeoutMs) {
      const wanted = selector.by === "path" ? selector.value : `${selector.by}=${selector.value}`;
      return err({ kind: "deviceNotFound", wanted, waitedMs, present: listBlockDevices() });
    }
    await Bun.sleep(Math.min(POLL_MS, timeoutMs - waitedMs));
  }
}
