import { closeSync, openSync, readSync } from "node:fs";
import { err, ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { viaNode } from "./libc.ts";
import { type MalformedError, malformed } from "./malformed.ts";

/** `struct verity_sb` of cryptsetup (lib/verity/verity.c; its DMVerity wiki page): 512 bytes, little-endian. */
const SUPERBLOCK = {
  sizeBytes: 512,
  signature: 0, // 8, "verity\0\0"
  version: 8, // 4, 1
  hashType: 12, // 4, 0 Chrome OS, 1 normal
  uuid: 16, // 16
  algorithm: 32, // 32, NUL-terminated
  dataBlockSize: 64, // 4
  hashBlockSize: 68, // 4
  dataBlocks: 72, // 8
  saltSize: 80, // 2
  salt: 88, // 256
} as const;
const SALT_BYTES_MAX = 256;

/** What the hash image says about itself. Nothing of it is to be trusted until the root hash has proved it. */
export type VeritySuperblock = {
  readonly hashType: 0 | 1;
  readonly uuid: string;
  /** Name of the hash in the kernel's crypto API, such as "sha256". */
  readonly algorithm: string;
  readonly dataBlockBytes: number;
  readonly hashBlockBytes: number;
  readonly dataBlocks: number;
  /** Lower-case hex, empty for none. */
  readonly salt: string;
};

const isBlockSize = (bytes: number): boolean => bytes >= 512 && bytes <= 524288 && (bytes & (bytes - 1)) === 0;

/** Decodes the superblock that `veritysetup format` writes at the start of the hash area. */
export function decodeVeritySuperblock(bytes: Uint8Array): Result<VeritySuperblock, MalformedError> {
  const bad = (wanted: string, found: string) => err(malformed("verity superblock", wanted, found));
  if (bytes.length < SUPERBLOCK.sizeBytes) return bad(`${SUPERBLOCK.sizeBytes} bytes`, `${bytes.length} bytes`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const signature = buffer.toString("latin1", 0, 8);
  if (signature !== "verity\0\0") return bad('"verity\\0\\0" at its start', signature);
  const version = buffer.readUInt32LE(SUPERBLOCK.version);
  if (version !== 1) return bad("version 1", String(version));
  const hashType = buffer.readUInt32LE(SUPERBLOCK.hashType);
  if (hashType !== 0 && hashType !== 1) return bad("hash type 0 or 1", String(hashType));
  const algorithm = buffer.toString("latin1", SUPERBLOCK.algorithm, SUPERBLOCK.algorithm + 32).split("\0", 1)[0] ?? "";
  if (!/^[a-z0-9_()-]+$/.test(algorithm)) return bad("the name of a hash", algorithm);
  const dataBlockBytes = buffer.readUInt32LE(SUPERBLOCK.dataBlockSize);
  const hashBlockBytes = buffer.readUInt32LE(SUPERBLOCK.hashBlockSize);
  if (!isBlockSize(dataBlockBytes)) return bad("a data block size of 512 to 524288", String(dataBlockBytes));
  if (!isBlockSize(hashBlockBytes)) return bad("a hash block size of 512 to 524288", String(hashBlockBytes));
  const dataBlocks = buffer.readBigUInt64LE(SUPERBLOCK.dataBlocks);
  if (dataBlocks < 1n || dataBlocks * BigInt(dataBlockBytes) > BigInt(Number.MAX_SAFE_INTEGER)) {
    return bad("1 to 2^53 bytes of data", `${dataBlocks} blocks`);
  }
  const saltSize = buffer.readUInt16LE(SUPERBLOCK.saltSize);
  if (saltSize > SALT_BYTES_MAX) return bad(`at most ${SALT_BYTES_MAX} bytes of salt`, String(saltSize));
  const hex = buffer.toString("hex", SUPERBLOCK.uuid, SUPERBLOCK.uuid + 16);
  return ok({
    hashType,
    uuid: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
    algorithm,
    dataBlockBytes,
    hashBlockBytes,
    dataBlocks: Number(dataBlocks),
    salt: buffer.toString("hex", SUPERBLOCK.salt, SUPERBLOCK.salt + saltSize),
  });
}

/** Reads the superblock at the start of a hash image or hash device. */
export function readVeritySuperblock(path: string): Result<VeritySuperblock, SysError | MalformedError> {
  const read = viaNode("read", { path, lengthBytes: SUPERBLOCK.sizeBytes }, () => {
    const fd = openSync(path, "r");
    try {
      const bytes = new Uint8Array(SUPERBLOCK.sizeBytes);
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
    } finally {
      closeSync(fd);
    }
  });
  return read.ok ? decodeVeritySuperblock(read.value) : read;
}

export type VerityParams = {
  readonly superblock: VeritySuperblock;
  /** Hex of the root of the hash tree: the one thing that must come from a trusted place. */
  readonly rootHash: string;
  /** Optional features of the target, such as "check_at_most_once" or "panic_on_corruption". Without one, reading a wrong block
   *  gives EIO. */
  readonly features?: readonly string[];
};

/** The parameters of a `verity` target (kernel Documentation/admin-guide/device-mapper/verity.rst). The tree starts at the hash
 *  block after the superblock, as `veritysetup` without `--hash-offset` lays it out. */
export function verityTable(
  dataDevice: string,
  hashDevice: string,
  { superblock: sb, rootHash, features = [] }: VerityParams,
): Result<{ readonly lengthSectors: number; readonly params: string }, MalformedError> {
  if (!/^(?:[0-9a-fA-F]{2}){16,64}$/.test(rootHash))
    return err(malformed("verity root hash", "32 to 128 hex digits", rootHash));
  const hashStart = Math.ceil(SUPERBLOCK.sizeBytes / sb.hashBlockBytes);
  const fields = [sb.hashType, dataDevice, hashDevice, sb.dataBlockBytes, sb.hashBlockBytes, sb.dataBlocks, hashStart];
  const words = [...fields, sb.algorithm, rootHash.toLowerCase(), sb.salt === "" ? "-" : sb.salt];
  if (features.length > 0) words.push(features.length, ...features);
  return ok({ lengthSectors: (sb.dataBlocks * sb.dataBlockBytes) / 512, params: words.join(" ") });
}
