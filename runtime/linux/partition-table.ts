import { formatUuid } from "./superblock.ts";

/** GPT header (UEFI specification 5.3.2), at the second logical block. */
const GPT = { signature: 0, entriesLba: 72, entryCount: 80, entryBytes: 84, sizeBytes: 92 } as const;
const GPT_SIGNATURE = "EFI PART";
/** GPT entry (5.3.3): the partition's own GUID at 16. */
const ENTRY_GUID = 16;
/** MBR: a 32-bit signature of the disk at 440, 0xaa55 at 510. */
const MBR = { diskSignature: 440, magic: 510, sizeBytes: 512 } as const;

/** A disk to read from: what is at an offset; shorter at the end. */
export type ReadAt = (offsetBytes: number, lengthBytes: number) => Uint8Array;

/** The first three fields of a GUID are little-endian (RFC 4122 calls it a variant, UEFI appendix A). */
function formatGuid(bytes: Uint8Array): string {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return formatUuid(Uint8Array.from(order, (at) => bytes[at] ?? 0));
}

/** PARTUUID of partition `number` (from 1) as blkid writes it: a GUID from a GPT, "<disk signature>-<number>" in hex from an MBR.
 *  `undefined` when the disk has no such table or partition. */
export function partitionUuid(readAt: ReadAt, logicalBlockBytes: number, number: number): string | undefined {
  const header = Buffer.from(readAt(logicalBlockBytes, GPT.sizeBytes));
  if (header.length === GPT.sizeBytes && header.toString("latin1", 0, 8) === GPT_SIGNATURE) {
    const [count, entryBytes] = [header.readUInt32LE(GPT.entryCount), header.readUInt32LE(GPT.entryBytes)];
    if (number < 1 || number > count || entryBytes < 128 || entryBytes > 4096) return undefined;
    const start = Number(header.readBigUInt64LE(GPT.entriesLba)) * logicalBlockBytes;
    if (!Number.isSafeInteger(start)) return undefined;
    const entry = readAt(start + (number - 1) * entryBytes, 128);
    return entry.length === 128 ? formatGuid(entry.subarray(ENTRY_GUID, ENTRY_GUID + 16)) : undefined;
  }
  const mbr = Buffer.from(readAt(0, MBR.sizeBytes));
  if (mbr.length < MBR.sizeBytes || mbr.readUInt16LE(MBR.magic) !== 0xaa55) return undefined;
  const disk = mbr.readUInt32LE(MBR.diskSignature);
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  return disk === 0 ? undefined : `${hex(disk, 8)}-${hex(number, 2)}`;
}
