import type { FileHandle } from "node:fs/promises";

const CHUNK_BYTES = 256 * 1024;

/** The bytes of an open file from its beginning to the end; one chunk in memory. */
export async function* contents(
  file: FileHandle,
  sizeBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < sizeBytes; ) {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

/** Bytes that are asked for as the kind of stream that web APIs take. */
export function streamOf(source: AsyncGenerator<Uint8Array>): ReadableStream<Bun.BufferSource> {
  return new ReadableStream<Bun.BufferSource>({
    async pull(controller) {
      const next = await source.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value as Bun.BufferSource); // nothing here is in shared memory
    },
    async cancel() {
      await source.return(undefined);
    },
  });
}
