import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { basename } from "node:path";
import { err, ok } from "../result.ts";
import type { DiskError, DiskFault, DiskResult } from "../store/index.ts";

/** A part of a block device, or of a file, that a boot loader reads without a file system. */
export interface Area {
  readonly path: string;
  readonly sizeBytes: number;
  /** Exactly the bytes asked for; asking beyond the end is an error. */
  read(atBytes: number, sizeBytes: number): DiskResult<Uint8Array>;
  /** Durable when it returns. An error may leave any part of `bytes` written. */
  write(atBytes: number, bytes: Uint8Array): DiskResult<void>;
}

const WHY = "loader/area";

const faults: Readonly<Record<string, DiskFault>> = {
  ENOENT: "missing",
  EIO: "io",
  ENOSPC: "noSpace",
  EROFS: "readOnly",
  EACCES: "denied",
  EPERM: "denied",
};

const fault = (call: string, path: string, kind: DiskFault, code: string): DiskError => ({
  kind,
  call,
  path,
  why: WHY,
  code,
});

/** Runs `act` on the open device; what the kernel refuses becomes a value. */
async function opened<T>(
  call: string,
  path: string,
  flags: number,
  act: (handle: fs.FileHandle) => DiskResult<T>,
): DiskResult<T> {
  try {
    await using handle = await fs.open(path, flags);
    const info = await handle.stat();
    if (info.isBlockDevice() || info.isFile()) return await act(handle);
    return err(fault(call, path, "notFile", "neither a block device nor a file")); // raw flash wants erasing
  } catch (thrown) {
    const { code, errno } = thrown as NodeJS.ErrnoException;
    if (typeof errno !== "number" || code === undefined) throw thrown;
    return err(fault(call, path, faults[code] ?? "other", code));
  }
}

/** A part of the machine's own device or file. `sizeBytes` null: up to its end. Writing one that is mounted spoils it. */
export async function openArea(path: string, atBytes: number, sizeBytes: number | null): DiskResult<Area> {
  const size = await opened("size", path, constants.O_RDONLY, (handle) => endOf(handle, path));
  if (!size.ok) return size;
  const room = size.value - atBytes;
  const wanted = sizeBytes ?? room;
  if (wanted <= 0 || wanted > room) return err(fault("size", path, "other", `it ends at byte ${size.value}`));
  const inside = (at: number, bytes: number): boolean => at >= 0 && bytes >= 0 && at + bytes <= wanted;
  const outside = (call: string) => err(fault(call, path, "other", `beyond the ${wanted} bytes of the area`));
  return ok({
    path,
    sizeBytes: wanted,
    read: async (at, bytes) =>
      inside(at, bytes)
        ? opened("read", path, constants.O_RDONLY, (handle) => readAll(handle, path, atBytes + at, bytes))
        : outside("read"),
    write: async (at, bytes) =>
      inside(at, bytes.byteLength)
        ? opened("write", path, constants.O_RDWR | constants.O_SYNC, (handle) => writeAll(handle, atBytes + at, bytes))
        : outside("write"),
  });
}

/** stat(2) gives no size for a block device; sysfs gives it in units of 512 bytes, whatever the device's sectors are. */
async function endOf(handle: fs.FileHandle, path: string): DiskResult<number> {
  const info = await handle.stat();
  if (info.isFile()) return ok(info.size);
  const name = basename(await fs.realpath(path));
  const sectors = Number((await fs.readFile(`/sys/class/block/${name}/size`, "utf8")).trim());
  return Number.isSafeInteger(sectors) ? ok(sectors * 512) : err(fault("size", path, "other", "no size in sysfs"));
}

async function readAll(
  handle: fs.FileHandle,
  path: string,
  atBytes: number,
  sizeBytes: number,
): DiskResult<Uint8Array> {
  const into = new Uint8Array(sizeBytes);
  for (let filled = 0; filled < sizeBytes; ) {
    const { bytesRead } = await handle.read(into, filled, sizeBytes - filled, atBytes + filled);
    if (bytesRead === 0) return err(fault("read", path, "other", `it ends at byte ${atBytes + filled}`));
    filled += bytesRead;
  }
  return ok(into);
}

async function writeAll(handle: fs.FileHandle, atBytes: number, bytes: Uint8Array): DiskResult<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    done += (await handle.write(bytes, done, bytes.byteLength - done, atBytes + done)).bytesWritten;
  }
  await handle.sync();
  return ok(undefined);
}
