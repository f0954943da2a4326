import { err, ok, type Result } from "../result.ts";
import type { DiskResult, DiskSpace } from "./disk.ts";
import type { Store } from "./store.ts";

const WHY = "store/space";

/** Room for updates, in bytes (device-meta `storage`, reference 5.7). `realFreeBytes` is what is free above the reserve, at least 0. */
export interface StorageSpace extends DiskSpace {
  readonly reservedBytes: number;
  readonly realFreeBytes: number;
}

/** `reservedPercent` is `PV_STORAGE_GC_RESERVED`, 0 to 100 of the total. */
export async function storageSpace({ disk, root }: Store, reservedPercent: number): DiskResult<StorageSpace> {
  const space = await disk.space(WHY, root);
  if (!space.ok) return space;
  const { totalBytes, freeBytes } = space.value;
  const reservedBytes = Math.floor((totalBytes * reservedPercent) / 100);
  return ok({ totalBytes, freeBytes, reservedBytes, realFreeBytes: Math.max(0, freeBytes - reservedBytes) });
}

/** Found out before anything was written; `freeBytes` is what is free above the reserve. */
export interface NoSpace {
  readonly kind: "noSpace";
  readonly needBytes: number;
  readonly freeBytes: number;
}

export const spaceFor = ({ realFreeBytes }: StorageSpace, needBytes: number): Result<void, NoSpace> =>
  needBytes <= realFreeBytes ? ok(undefined) : err({ kind: "noSpace", needBytes, freeBytes: realFreeBytes });

/** The largest block that common file systems use on devices of our size; smaller ones waste less. */
const BLOCK_BYTES = 4096;
/** ext4's default. Most file systems set inodes aside when they are made; where they do not, this is what one takes. */
const INODE_BYTES = 256;
/** An index of where the blocks are: 4 bytes a block with ext2's, 12 an extent with ext4's, of which a block each is the worst case. */
const BYTES_PER_INDEX_BYTE = 256;

/** What a file of this length takes at most: whole blocks, its inode, its index. */
export const fileBytes = (sizeBytes: number): number =>
  (Math.ceil(sizeBytes / BLOCK_BYTES) + Math.ceil(sizeBytes / BYTES_PER_INDEX_BYTE / BLOCK_BYTES)) * BLOCK_BYTES +
  INODE_BYTES;

/** What a folder with entries of these name lengths (bytes) takes: 16 bytes beside each name, blocks half full as ext4 may leave them. */
export const folderBytes = (nameBytes: readonly number[]): number =>
  fileBytes(2 * nameBytes.reduce((sum, bytes) => sum + bytes + 16, 0) + 1);
