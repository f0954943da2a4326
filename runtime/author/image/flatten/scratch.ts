import { open, rm } from "node:fs/promises";

/** A file for the contents of files, in the order they come; gone when it is closed, and without a name before that. */
export interface Scratch {
  /** Where the bytes begin. */
  append(bytes: AsyncIterable<Uint8Array>): Promise<number>;
  read(atBytes: number, sizeBytes: number): AsyncGenerator<Uint8Array>;
  close(): Promise<void>;
}

const BUFFER_BYTES = 1 << 20;
const CHUNK_BYTES = 256 << 10;

/** `path` must not exist yet. Its name is taken away at once: whatever ends this program, nothing stays. */
export async function openScratch(path: string): Promise<Scratch> {
  const file = await open(path, "wx+", 0o600);
  await rm(path);
  const buffer = new Uint8Array(BUFFER_BYTES);
  let [writtenBytes, filledBytes] = [0, 0];
  const flush = async (): Promise<void> => {
    for (let done = 0; done < filledBytes; ) {
      const { bytesWritten } = await file.write(buffer, done, filledBytes - done, writtenBytes);
      done += bytesWritten;
      writtenBytes += bytesWritten;
    }
    filledBytes = 0;
  };
  return {
    async append(bytes) {
      const at = writtenBytes + filledBytes;
      for await (const part of bytes) {
        for (let from = 0; from < part.byteLength; ) {
          if (filledBytes === BUFFER_BYTES) await flush();
          const taken = part.subarray(from, from + BUFFER_BYTES - filledBytes);
          buffer.set(taken, filledBytes);
          filledBytes += taken.byteLength;
          from += taken.byteLength;
        }
      }
      return at;
    },
    async *read(atBytes, sizeBytes) {
      if (filledBytes > 0) await flush();
      for (let done = 0; done < sizeBytes; ) {
        const chunk = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes - done));
        const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, atBytes + done);
        if (bytesRead === 0) throw new RangeError("the scratch file is shorter than what was written to it");
        done += bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
    },
    close: () => file.close(),
  };
}
