import { err, ok } from "../../result.ts";
import type { DiskResult, OpenFile } from "../../store/index.ts";

/** A piece of a file that knows whether it is whole: its length and CRC-32, 4 bytes each, little-endian, and its bytes. */
export function framed(bytes: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(HEAD_BYTES + bytes.length);
  frame.writeUInt32LE(bytes.length, 0);
  frame.writeUInt32LE(Bun.hash.crc32(bytes), 4);
  frame.set(bytes, HEAD_BYTES);
  return frame;
}

const HEAD_BYTES = 8;
/** No block and no header is longer. */
export const FRAME_BYTES_MAX = 64 * 1024;

/** The frames of a file, up to where it ends or the first one is torn, as a power cut leaves it. What failed ends it with {@link FrameError}. */
export async function* frames(file: OpenFile): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; ) {
    const head = Buffer.from(await exactly(file, at, HEAD_BYTES));
    if (head.length < HEAD_BYTES) return;
    const length = head.readUInt32LE(0);
    if (length === 0 || length > FRAME_BYTES_MAX) return;
    const bytes = await exactly(file, at + HEAD_BYTES, length);
    if (bytes.length < length || Bun.hash.crc32(bytes) !== head.readUInt32LE(4)) return;
    yield bytes;
    at += HEAD_BYTES + length;
  }
}

/** The disk failed in the middle of an iteration. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** Fewer bytes when the file ends before. */
async function exactly(file: OpenFile, atBytes: number, count: number): Promise<Uint8Array> {
  const read = await filled(file, atBytes, count);
  if (read.ok) return read.value;
  throw new FrameError(`${read.error.why}: ${read.error.call} ${read.error.path}: ${read.error.code}`);
}

async function filled(file: OpenFile, atBytes: number, count: number): DiskResult<Uint8Array> {
  const into = new Uint8Array(count);
  for (let have = 0; have < count; ) {
    const read = await file.read(into.subarray(have), atBytes + have);
    if (!read.ok) return err(read.error);
    if (read.value === 0) return ok(into.subarray(0, have));
    have += read.value;
  }
  return ok(into);
}
