import { createReadStream } from "node:fs";
import { checked, wholeOf } from "./checked.ts";
import { type Descriptor, type Platform, type RegistryReference, readDocument } from "./documents/index.ts";
import type { Image } from "./image.ts";
import { type Blobs, imageFrom } from "./layout.ts";
import { imageLimits } from "./limits.ts";
import { openCache, openRegistry, type RegistryOptions } from "./registry/index.ts";
import { resolve } from "./resolve.ts";

export interface PullOptions extends RegistryOptions {
  /** For layers, by digest; shared between runs. */
  readonly cacheFolder: string;
  readonly report: (doneBytes: number, ofBytes: number) => void;
}

/** An image from a registry, its layers in the cache. Throws BadImage. */
export async function pull(
  reference: RegistryReference,
  wishes: readonly Platform[],
  options: PullOptions,
): Promise<Image> {
  const registry = await openRegistry(reference, options);
  const cache = openCache(options.cacheFolder);
  const start = await registry.manifest(reference.digest ?? reference.tag ?? "latest");
  const document = readDocument(start.bytes, `${reference.name}: sha256:${start.digest}`);
  const resolved = await resolve({ digest: start.digest, document }, wishes, async ({ digest, sizeBytes }) => {
    const { bytes } = await registry.manifest(digest);
    const expected = { blob: `manifest sha256:${digest}`, digest, sizeBytes };
    return wholeOf(checked([bytes], expected), expected.blob, imageLimits.documentBytesMax);
  });
  const { config, layers } = resolved.manifest;
  const ofBytes = [config, ...layers].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let doneBytes = 0;
  const blobs: Blobs = {
    async open(descriptor: Descriptor) {
      const before = doneBytes;
      async function* fetched(): AsyncGenerator<Uint8Array> {
        for await (const part of registry.blob(descriptor, 0)) {
          options.signal?.throwIfAborted();
          doneBytes += part.byteLength;
          options.report(doneBytes, ofBytes);
          yield part;
        }
      }
      const path = await cache.have(descriptor, fetched);
      doneBytes = before + descriptor.sizeBytes;
      options.report(doneBytes, ofBytes);
      const expected = { blob: `blob sha256:${descriptor.digest}`, ...descriptor };
      return () => checked(createReadStream(path, { highWaterMark: 256 << 10 }), expected);
    },
  };
  const image = await imageFrom(resolved, blobs, `${reference.name}: `);
  return {
    ...image,
    digest: `${reference.name}@sha256:${resolved.digest}`,
    name: reference.name,
    tag: reference.tag,
    close: async () => {},
  };
}
