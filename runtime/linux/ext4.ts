import { constants } from "node:fs";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { ioctl, withFd } from "./libc.ts";

/** The superblock at 1024 (kernel Documentation/filesystems/ext4/super.rst), little-endian. */
const SUPER = { start: 1024, blocksLow: 0x04, logBlockKib: 0x18, blocksPerGroup: 0x20, magic: 0x38 } as const;
const FEATURES = { incompatible: 0x60, has64Bit: 0x80, blocksHigh: 0x150 } as const;
const MAGIC = 0xef53;
/** _IOW('f', 16, __u64) of fs/ext4/ext4.h. */
const EXT4_IOC_RESIZE_FS = 0x40086610;

export interface Ext4Size {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly blocksPerGroup: number;
}

/** How large a file system is, by the first 2048 bytes of its device; `undefined` for none of ext4's kind. */
export function ext4Size(start: Uint8Array): Ext4Size | undefined {
  const bytes = Buffer.from(start).subarray(SUPER.start);
  if (bytes.length < 1024 || bytes.readUInt16LE(SUPER.magic) !== MAGIC) return undefined;
  const wide = (bytes.readUInt32LE(FEATURES.incompatible) & FEATURES.has64Bit) !== 0;
  const high = wide ? bytes.readUInt32LE(FEATURES.blocksHigh) : 0;
  return {
    blockBytes: 1024 << bytes.readUInt32LE(SUPER.logBlockKib),
    blocks: high * 2 ** 32 + bytes.readUInt32LE(SUPER.blocksLow),
    blocksPerGroup: bytes.readUInt32LE(SUPER.blocksPerGroup),
  };
}

/**
 * The next of several steps on the way to the whole of its device, in blocks; `null` when it is there. Steps of some bytes keep short
 * what {@link resizeExt4} does at once. Only whole groups are added: one that is too small for its own tables is refused.
 */
export function nextExt4Size(size: Ext4Size, deviceBytes: number, stepBytes: number): number | null {
  const groupBytes = size.blocksPerGroup * size.blockBytes;
  if (groupBytes === 0) return null;
  const last = Math.floor(deviceBytes / groupBytes) * size.blocksPerGroup;
  if (last <= size.blocks) return null;
  const groups = Math.floor(size.blocks / size.blocksPerGroup) + Math.max(1, Math.floor(stepBytes / groupBytes));
  return Math.min(last, groups * size.blocksPerGroup);
}

/** Grows the ext4 file system that is mounted, writable, at `path`; it goes through the journal, so a power cut leaves the old
 *  size or a larger one. Blocks until inode tables are written. EPERM: the file system has had errors. */
export function resizeExt4(path: string, blocks: number): Result<void, SysError> {
  const wanted = new Uint8Array(8);
  new DataView(wanted.buffer).setBigUint64(0, BigInt(blocks), true);
  const done = withFd(path, constants.O_RDONLY, (fd) =>
    ioctl("EXT4_IOC_RESIZE_FS", fd, EXT4_IOC_RESIZE_FS, wanted, { path, blocks }),
  );
  return done.ok ? ok(undefined) : done;
}
