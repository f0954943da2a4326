import type { Disk, OpenFile } from "../store/index.ts";
import { ofDisk, PatchError } from "./fault.ts";

const PIECE_BYTES = 1 << 20;

/** Opens a file for as long as `use` takes. */
async function withFile<T>(disk: Disk, why: string, path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  const file = ofDisk(await disk.open(why, path));
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

export const sizeOf = (disk: Disk, why: string, path: string): Promise<number> =>
  withFile(disk, why, path, async ({ info }) => info.sizeBytes);

/** The whole file in memory. */
export const readWhole = (disk: Disk, why: string, path: string): Promise<Uint8Array> =>
  withFile(disk, why, path, async (file) => {
    const bytes = new Uint8Array(file.info.sizeBytes);
    for (let filled = 0; filled < bytes.length; ) {
      filled += await fill(file, path, bytes.subarray(filled, filled + PIECE_BYTES), filled);
    }
    return bytes;
  });

/** Hands over the file piece by piece; a piece is valid until the next one comes. */
export const readPieces = (
  disk: Disk,
  why: string,
  path: string,
  take: (piece: Uint8Array) => Promise<void>,
): Promise<void> =>
  withFile(disk, why, path, async (file) => {
    const piece = new Uint8Array(PIECE_BYTES);
    for (let at = 0; at < file.info.sizeBytes; ) {
      const wanted = piece.subarray(0, file.info.sizeBytes - at);
      const bytes = wanted.subarray(0, await fill(file, path, wanted, at));
      await take(bytes);
      at += bytes.length;
    }
  });

async function fill(file: OpenFile, path: string, into: Uint8Array, at: number): Promise<number> {
  const bytes = ofDisk(await file.read(into, at));
  if (bytes === 0) throw new PatchError({ kind: "changing", path });
  return bytes;
}
