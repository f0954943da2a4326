import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { checked } from "../checked.ts";
import type { Descriptor } from "../documents/index.ts";
import { BadImage } from "../fault.ts";

/** Blobs by their digest in a folder that several programs may share. A blob counts only as long as its bytes are right. */
export interface BlobCache {
  /** The path of the blob, fetched unless it is there. Throws BadImage, and what `fetch` throws. */
  have(descriptor: Descriptor, fetch: () => AsyncIterable<Uint8Array>): Promise<string>;
}

export function openCache(folder: string): BlobCache {
  return {
    async have(descriptor, fetch) {
      const { digest, sizeBytes } = descriptor;
      const path = join(folder, digest);
      const expected = { blob: `blob sha256:${digest}`, digest, sizeBytes };
      if (await isGood(path, expected)) return path;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // A name of its own: two programs that fetch one blob do not meet. What was cut off is gone, not resumed another day.
      const temporary = join(folder, `.${digest}.${randomUUID()}`);
      try {
        const file = await open(temporary, "wx", 0o600);
        try {
          for await (const part of checked(fetch(), expected)) await file.writeFile(part);
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (thrown) {
        await rm(temporary, { force: true });
        throw thrown;
      }
      return path;
    },
  };
}

/** One that is damaged is thrown away. No fsync anywhere: what a power cut spoils is found here. */
async function isGood(path: string, expected: Parameters<typeof checked>[1]): Promise<boolean> {
  try {
    const info = await stat(path);
    if (!info.isFile()) return false;
    for await (const _ of checked(createReadStream(path, { highWaterMark: 1 << 20 }), expected));
    return true;
  } catch (thrown) {
    if (thrown instanceof BadImage) await rm(path, { force: true });
    return false;
  }
}
