import { invariant } from "../../../result.ts";

/** Blocks of data and of hashes, as `veritysetup` takes them when it is not asked otherwise. */
export const BLOCK_BYTES = 4096;
const HASH_BYTES = 32;
const HASHES = BLOCK_BYTES / HASH_BYTES;
export const SALT_BYTES_MAX = 256;

/**
 * The hash tree of dm-verity over data that comes piece by piece (kernel Documentation/admin-guide/device-mapper/verity.rst, hash type 1,
 * SHA-256): every block is hashed behind the salt, 128 hashes make a block of the next level, until one hash is left. Holds 32 bytes
 * for each 4096 of data, so 128 MiB for 16 GiB.
 */
export function verityTree(salt: Uint8Array) {
  invariant(salt.byteLength <= SALT_BYTES_MAX, `a salt has at most ${SALT_BYTES_MAX} bytes`);
  const hash = (block: Uint8Array): Uint8Array => new Bun.CryptoHasher("sha256").update(salt).update(block).digest();
  const held = new Uint8Array(BLOCK_BYTES);
  let heldBytes = 0;
  let blocks = 0;
  const lowest = newLevel();
  const take = (block: Uint8Array): void => {
    blocks++;
    lowest.add(hash(block));
  };
  return {
    update(bytes: Uint8Array): void {
      let at = 0;
      if (heldBytes > 0) {
        at = Math.min(BLOCK_BYTES - heldBytes, bytes.byteLength);
        held.set(bytes.subarray(0, at), heldBytes);
        heldBytes += at;
        if (heldBytes < BLOCK_BYTES) return;
        take(held);
        heldBytes = 0;
      }
      for (; at + BLOCK_BYTES <= bytes.byteLength; at += BLOCK_BYTES) take(bytes.subarray(at, at + BLOCK_BYTES));
      held.set(bytes.subarray(at));
      heldBytes = bytes.byteLength - at;
    },
    /** Whole blocks must have come, one at least. Levels are in the order in which they lie on disk: the root's first. */
    finish(): {
      readonly dataBlocks: number;
      readonly rootHash: string;
      readonly levels: readonly (readonly Uint8Array[])[];
    } {
      invariant(heldBytes === 0 && blocks > 0, "dm-verity guards whole blocks");
      const levels: (readonly Uint8Array[])[] = [];
      let level = lowest;
      for (let count = blocks; count > 1; count = Math.ceil(count / HASHES)) {
        const full = level.blocks();
        levels.unshift(full);
        level = newLevel();
        for (const block of full) level.add(hash(block));
      }
      return { dataBlocks: blocks, rootHash: Buffer.from(level.first()).toString("hex"), levels };
    },
  };
}

/** Hashes one behind the other in blocks, the last one filled with zeros. */
function newLevel() {
  const blocks: Uint8Array[] = [];
  let used = HASHES;
  return {
    add(hash: Uint8Array): void {
      if (used === HASHES) {
        blocks.push(new Uint8Array(BLOCK_BYTES));
        used = 0;
      }
      blocks.at(-1)?.set(hash, used++ * HASH_BYTES);
    },
    blocks: (): readonly Uint8Array[] => blocks,
    first: (): Uint8Array => blocks[0]?.subarray(0, HASH_BYTES) ?? new Uint8Array(HASH_BYTES),
  };
}

/** `struct verity_sb` (cryptsetup, lib/verity/verity.c; its DMVerity wiki page), version 1, in a block of its own. */
export function superblock(spec: {
  readonly uuid: string;
  readonly salt: Uint8Array;
  readonly dataBlocks: number;
}): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write("verity\0\0", 0, "latin1");
  block.writeUInt32LE(1, 8); // version
  block.writeUInt32LE(1, 12); // hash type: the salt stands before the data
  Buffer.from(spec.uuid.replaceAll("-", ""), "hex").copy(block, 16);
  block.write("sha256", 32, "latin1");
  block.writeUInt32LE(BLOCK_BYTES, 64);
  block.writeUInt32LE(BLOCK_BYTES, 68);
  block.writeBigUInt64LE(BigInt(spec.dataBlocks), 72);
  block.writeUInt16LE(spec.salt.byteLength, 80);
  block.set(spec.salt, 88);
  return block;
}
