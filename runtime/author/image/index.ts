/** Where root file systems come from: images in layouts, archives and registries, folders, archives. Nothing in them is trusted. */
import { err, ok, type Result } from "../../result.ts";
import { checked } from "./checked.ts";
import { decompressed } from "./decompress.ts";
import type { Source } from "./documents/index.ts";
import { BadImage, type ImageFault } from "./fault.ts";
import { type FlatTree, flatten } from "./flatten/index.ts";
import type { Image } from "./image.ts";
import { type OpenOptions, openSource } from "./open.ts";

export {
  type ImageConfig,
  type Platform,
  parsePlatform,
  parseReference,
  parseSource,
  platformText,
  type RegistryReference,
  type Source,
} from "./documents/index.ts";
export { explainImage, type ImageFault } from "./fault.ts";
export type { FlatTree } from "./flatten/index.ts";
export type { Image, Layer } from "./image.ts";
export { imageLimits } from "./limits.ts";
export type { OpenOptions } from "./open.ts";
export type { Login } from "./registry/index.ts";

/**
 * Opens a source; an image in a registry has its layers in the cache then. What the signal throws passes through. Close it when it is
 * no longer needed.
 */
export const openImage = (source: Source, options: OpenOptions): Promise<Result<Image, ImageFault>> =>
  asResult(() => openSource(source, options));

export interface FlattenImageOptions {
  /** An existing folder of the caller's: the contents of all files go there. */
  readonly scratchFolder: string;
  /** False: all times are 0, so that a rebuild with the same contents gives the same bytes. */
  readonly keepTimes: boolean;
  readonly signal: AbortSignal | null;
  /** Bytes of layers without compression. */
  readonly report: (doneBytes: number) => void;
}

/**
 * All layers become one tree, with the folders that a read-only root needs (reference authoring 2.3, step 5). Every layer is checked
 * against its digests while it is read, and nothing counts before all are.
 */
export const flattenImage = (image: Image, options: FlattenImageOptions): Promise<Result<FlatTree, ImageFault>> =>
  asResult(() => {
    let doneBytes = 0;
    const layers = image.layers.map(({ name, diffId, open }) => ({
      name,
      proven: diffId !== null,
      async *open(): AsyncGenerator<Uint8Array> {
        const plain = decompressed(open(), name);
        const expected = { blob: `${name}, unpacked`, sizeBytes: null };
        for await (const part of diffId === null ? plain : checked(plain, { ...expected, digest: diffId })) {
          options.signal?.throwIfAborted();
          doneBytes += part.byteLength;
          options.report(doneBytes);
          yield part;
        }
      },
    }));
    const mine = image.own ? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } : null;
    const { scratchFolder, keepTimes } = options;
    const { whiteouts, without } = image;
    return flatten(layers, { scratchFolder, whiteouts, keepTimes, mine, without, mountPoints: true });
  });

async function asResult<T>(act: () => Promise<T>): Promise<Result<T, ImageFault>> {
  try {
    return ok(await act());
  } catch (thrown) {
    if (thrown instanceof BadImage) return err(thrown.fault);
    const { errno, code, path = "a file" } = thrown as NodeJS.ErrnoException;
    if (typeof errno === "number" && code !== undefined) return err({ kind: "io", path, code });
    throw thrown;
  }
}
