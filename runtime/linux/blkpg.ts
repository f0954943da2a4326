import { ptr } from "bun:ffi";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { ioctl } from "./libc.ts";

/** Of linux/blkpg.h; BLKPG is _IO(0x12, 105). */
const BLKPG = 0x1269;
const BLKPG_RESIZE_PARTITION = 3;

/** `struct blkpg_ioctl_arg` and `struct blkpg_partition`, the same on x86_64 and aarch64. */
export const BLKPG_ARGUMENT = { sizeBytes: 24, op: 0, dataBytes: 8, data: 16 } as const;
export const BLKPG_PARTITION = { sizeBytes: 152, start: 0, length: 8, number: 16 } as const;

export interface PartitionExtent {
  readonly number: number;
  readonly startBytes: number;
  readonly lengthBytes: number;
}

/** Tells the kernel that a partition of the open disk has another length now. It may be mounted. EBUSY: it would overlap another. */
export function resizePartition(disk: number, extent: PartitionExtent): Result<void, SysError> {
  const partition = new Uint8Array(BLKPG_PARTITION.sizeBytes);
  const view = new DataView(partition.buffer);
  view.setBigInt64(BLKPG_PARTITION.start, BigInt(extent.startBytes), true);
  view.setBigInt64(BLKPG_PARTITION.length, BigInt(extent.lengthBytes), true);
  view.setInt32(BLKPG_PARTITION.number, extent.number, true);
  const argument = new Uint8Array(BLKPG_ARGUMENT.sizeBytes);
  const words = new DataView(argument.buffer);
  words.setInt32(BLKPG_ARGUMENT.op, BLKPG_RESIZE_PARTITION, true);
  words.setInt32(BLKPG_ARGUMENT.dataBytes, BLKPG_PARTITION.sizeBytes, true);
  words.setBigUint64(BLKPG_ARGUMENT.data, BigInt(ptr(partition)), true);
  const done = ioctl("BLKPG_RESIZE_PARTITION", disk, BLKPG, argument, { ...extent });
  return done.ok ? ok(undefined) : done;
}
