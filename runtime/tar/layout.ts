/** One block of a header: POSIX.1-2017 pax, "ustar Interchange Format"; offset, then length. GNU: tar manual, "Basic Tar Format". */
export const BLOCK = 512;

export const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  kind: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const;

export const MAGIC_POSIX = "ustar\u000000";
export const MAGIC_GNU = "ustar  \u0000";

/** The checksum field itself counts as blanks. */
export function checksumOf(block: Uint8Array): number {
  const [from, length] = FIELD.checksum;
  let sum = 0x20 * length;
  for (let at = 0; at < BLOCK; at++) if (at < from || at >= from + length) sum += block[at] ?? 0;
  return sum;
}

/** Bytes from the end of a member's contents to the next header. */
export const filling = (sizeBytes: number): number => (BLOCK - (sizeBytes % BLOCK)) % BLOCK;
