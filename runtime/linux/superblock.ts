/** Who a file system says it is, in the notation of blkid(8): UUID in lower case, for vfat "ABCD-1234". */
export type FileSystemIdentity = {
  readonly type: "ext" | "vfat";
  readonly label?: string;
  readonly uuid: string;
};

/** How much of a device's start {@link decodeSuperblock} looks at. */
export const SUPERBLOCK_BYTES = 2048;

/** ext2, ext3 and ext4 (kernel Documentation/filesystems/ext4/super.rst): the superblock is at 1024, little-endian. */
const EXT = { start: 1024, magic: 0x38, uuid: 0x68, label: 0x78 } as const;
const EXT_MAGIC = 0xef53;

/** FAT boot sector: places of serial number, label and type name, for FAT32 and for FAT12/FAT16; 0xaa55 at 510. */
const FAT_FORMS = [
  { serial: 67, label: 71, type: 82 },
  { serial: 39, label: 43, type: 54 },
] as const;

/** Recognises a file system by the first {@link SUPERBLOCK_BYTES} of its device; `undefined` for anything else. */
export function decodeSuperblock(bytes: Uint8Array): FileSystemIdentity | undefined {
  if (bytes.length < SUPERBLOCK_BYTES) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return decodeExt(buffer) ?? decodeFat(buffer);
}

const named = (type: "ext" | "vfat", uuid: string, label: string): FileSystemIdentity =>
  label === "" ? { type, uuid } : { type, uuid, label };

function decodeExt(buffer: Buffer): FileSystemIdentity | undefined {
  if (buffer.readUInt16LE(EXT.start + EXT.magic) !== EXT_MAGIC) return undefined;
  const at = EXT.start + EXT.label;
  const label = buffer.toString("utf8", at, at + 16).split("\0", 1)[0] ?? "";
  return named("ext", formatUuid(buffer.subarray(EXT.start + EXT.uuid, EXT.start + EXT.uuid + 16)), label);
}

/** 16 bytes in the order they are written down. */
export const formatUuid = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

function decodeFat(buffer: Buffer): FileSystemIdentity | undefined {
  if (buffer.readUInt16LE(510) !== 0xaa55) return undefined;
  const form = FAT_FORMS.find(({ type }) => /^FAT(?:12|16|32)? +$/.test(buffer.toString("latin1", type, type + 8)));
  if (form === undefined) return undefined;
  const serial = buffer.readUInt32LE(form.serial).toString(16).toUpperCase().padStart(8, "0");
  const label = buffer.toString("latin1", form.label, form.label + 11).trimEnd();
  return named("vfat", `${serial.slice(0, 4)}-${serial.slice(4)}`, label === "NO NAME" ? "" : label);
}
