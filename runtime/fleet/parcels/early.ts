import type { Digest } from "../../state/index.ts";
import { type Disk, type DiskResult, saveFile } from "../../store/index.ts";
import type { EarlyBlocks } from "../datagrams/index.ts";
import { FrameError, framed, frames } from "./frames.ts";

const INDEX_BYTES = 4;
const MAX = 64;
const MODE = 0o600;

/**
 * In a file of their own: frames, of which the first says whose blocks they are, and each other is an index (32 bits, big-endian) with a block's
 * bytes. A disk that fails costs those blocks and nothing else.
 */
export const earlyBlocks = (disk: Disk, path: string, parcel: Digest, why: string): EarlyBlocks => ({
  async find() {
    const found = await read(disk, path, parcel, why);
    return found.ok ? found.value : new Map();
  },
  async keep(blocks) {
    const parts = [...blocks].slice(0, MAX).map(([index, bytes]) => {
      const head = Buffer.alloc(INDEX_BYTES);
      head.writeUInt32BE(index);
      return framed(Buffer.concat([head, bytes]));
    });
    await saveFile(disk, why, path, Buffer.concat([framed(Buffer.from(parcel)), ...parts]), MODE);
  },
});

async function read(
  disk: Disk,
  path: string,
  parcel: Digest,
  why: string,
): DiskResult<ReadonlyMap<number, Uint8Array>> {
  const blocks = new Map<number, Uint8Array>();
  const file = await disk.open(why, path);
  if (!file.ok) return file;
  try {
    let isFirst = true;
    for await (const bytes of frames(file.value)) {
      if (isFirst && Buffer.from(bytes).toString("latin1") !== parcel) break;
      if (!isFirst && bytes.length > INDEX_BYTES)
        blocks.set(Buffer.from(bytes).readUInt32BE(), bytes.subarray(INDEX_BYTES));
      isFirst = false;
      if (blocks.size === MAX) break;
    }
  } catch (thrown) {
    if (!(thrown instanceof FrameError)) throw thrown;
  } finally {
    await file.value.close();
  }
  return { ok: true, value: blocks };
}
