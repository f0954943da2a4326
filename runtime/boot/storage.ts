import { mkdirSync } from "node:fs";
import {
  type DeviceNotFound,
  explainLinux,
  type MalformedError,
  mount,
  parseDeviceSelector,
  readMountinfo,
  readSuperblock,
  type SysError,
  viaNode,
  waitForBlockDevice,
} from "../linux/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { Config } from "./config/index.ts";

export type StorageError = SysError | MalformedError | DeviceNotFound | { readonly kind: "noStorageDevice" };

/** The kernel's ext4 driver mounts ext2 and ext3 as well, and there is none by the name of "ext". */
const driverOf = { ext: "ext4", vfat: "vfat" } as const;

function driverFor(device: string): string {
  const identity = readSuperblock(device);
  return identity === undefined ? "ext4" : driverOf[identity.type];
}

/** Options tried in turn: the strictest journal first (reference 5.2). */
const optionsOf = (fstype: string): readonly string[] =>
  fstype === "ext4" ? ["data=journal", "data=ordered", ""] : [""];

/**
 * Mounts the storage partition where `PV_STORAGE_MNTPOINT` says, unless the initramfs has done so. Waits for the device up to
 * `PV_STORAGE_WAIT`; without `PV_STORAGE_FSTYPE` the superblock says what it is.
 */
export async function mountStorage(config: Config): Promise<Result<void, StorageError>> {
  const target = config.PV_STORAGE_MNTPOINT;
  const mounts = readMountinfo();
  if (!mounts.ok) return mounts;
  if (mounts.value.some((entry) => entry.target === target)) return ok(undefined);
  if (config.PV_STORAGE_DEVICE === null) return err({ kind: "noStorageDevice" });

  const device = await waitForBlockDevice(parseDeviceSelector(config.PV_STORAGE_DEVICE), config.PV_STORAGE_WAIT);
  if (!device.ok) return device;
  const type = config.PV_STORAGE_FSTYPE ?? driverFor(device.value);
  const made = viaNode("mkdir", { path: target }, () => mkdirSync(target, { recursive: true }));
  if (!made.ok) return made;
  let result: Result<void, SysError> = ok(undefined);
  for (const options of optionsOf(type)) {
    result = mount({ source: device.value, target, type, flags: ["noatime"], options });
    if (result.ok) return result;
  }
  return result;
}

export const explainStorageError = (error: StorageError): string =>
  error.kind === "noStorageDevice"
    ? "no storage: the initramfs mounted none, and PV_STORAGE_DEVICE names none (LABEL=…, UUID=… or a path)"
    : `storage cannot be mounted: ${explainLinux(error)}`;
