/** Patches as one zstd frame, the base as its dictionary: all of it in memory. It stands in for `runtime/patch`. */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { err, ok, type Result } from "../result.ts";
import type { DiskResult } from "../store/index.ts";

export interface RandomRead {
  readonly sizeBytes: number;
  read(into: Uint8Array, atBytes: number): DiskResult<number>;
}

export interface PatchFault {
  readonly kind: "failed";
  readonly why: string;
}

export const explainPatch = ({ why }: PatchFault): string => why;

export class PatchError extends Error {
  override readonly name = "PatchError";
}

interface PatchWish {
  readonly base: string | null;
  readonly target: string;
  readonly out: string;
}

const BYTES_MAX = 256 << 20;
const CHUNK_BYTES = 64 << 10;

export async function makePatch({ base, target, out }: PatchWish): Promise<Result<{ bytes: number }, PatchFault>> {
  try {
    const [old, bytes] = [base === null ? null : await bytesOf(base), await bytesOf(target)];
    const params = { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_windowLog]: 27 };
    const patch = zstdCompressSync(bytes, { params, ...(old === null ? {} : { dictionary: old }) });
    return ok({ bytes: await Bun.write(out, patch) });
  } catch (thrown) {
    return err({ kind: "failed", why: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}

async function bytesOf(path: string): Promise<Buffer> {
  const file = Bun.file(path);
  if (file.size > BYTES_MAX) throw new Error(`${path} has more than ${BYTES_MAX} bytes`);
  return Buffer.from(await file.arrayBuffer());
}

export async function* applyPatch({
  base,
  patch,
  objectBytes,
}: {
  readonly base: RandomRead | null;
  readonly patch: AsyncIterable<Uint8Array>;
  readonly objectBytes: number;
}): AsyncIterable<Uint8Array> {
  const old = base === null ? null : await readAll(base);
  const frame = Buffer.concat(await Array.fromAsync(patch));
  const bytes = zstdDecompressSync(frame, {
    maxOutputLength: objectBytes + 1,
    params: { [constants.ZSTD_d_windowLogMax]: 27 },
    ...(old === null ? {} : { dictionary: old }),
  });
  if (bytes.length !== objectBytes) throw new PatchError(`it gives ${bytes.length} bytes and not ${objectBytes}`);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

async function readAll({ sizeBytes, read }: RandomRead): Promise<Buffer> {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; ) {
    const count = await read(bytes.subarray(at), at);
    if (!count.ok || count.value === 0) throw new PatchError("the base cannot be read");
    at += count.value;
  }
  return bytes;
}
