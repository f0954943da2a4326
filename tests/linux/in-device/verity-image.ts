import { createHash } from "node:crypto";

const BLOCK_BYTES = 4096;
const HASHES_MAX = BLOCK_BYTES / 32;

/** A small dm-verity image made from its specification (kernel Documentation/admin-guide/device-mapper/verity.rst, superblock of
 *  cryptsetup's DMVerity page), independently of the code under test: one hash block, so at most 128 blocks of data. */
export function verityImage(data: Uint8Array, salt: Uint8Array) {
  const blocks = data.length / BLOCK_BYTES;
  if (!Number.isInteger(blocks) || blocks > HASHES_MAX) throw new Error("wants whole blocks, 128 at most");
  const hash = (block: Uint8Array) => createHash("sha256").update(salt).update(block).digest();
  const tree = Buffer.alloc(BLOCK_BYTES);
  for (let i = 0; i < blocks; i++) hash(data.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES)).copy(tree, i * 32);
  const superblock = Buffer.alloc(BLOCK_BYTES);
  superblock.write("verity\0\0", 0, "latin1");
  superblock.writeUInt32LE(1, 8);
  superblock.writeUInt32LE(1, 12);
  Buffer.from("00112233445566778899aabbccddeeff", "hex").copy(superblock, 16);
  superblock.write("sha256", 32, "latin1");
  superblock.writeUInt32LE(BLOCK_BYTES, 64);
  superblock.writeUInt32LE(BLOCK_BYTES, 68);
  superblock.writeBigUInt64LE(BigInt(blocks), 72);
  superblock.writeUInt16LE(salt.length, 80);
  superblock.set(salt, 88);
  return { hashImage: Buffer.concat([superblock, tree]), rootHash: hash(tree).toString("hex") };
}
