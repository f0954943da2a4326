import { createReadStream } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { decompressed } from "./decompress.ts";
import type { Platform, Source } from "./documents/index.ts";
import { fail } from "./fault.ts";
import { archiveFiles, folderFiles } from "./files.ts";
import type { Image } from "./image.ts";
import { LAYOUT_MARK, openLayout } from "./layout.ts";
import { imageLimits } from "./limits.ts";
import { type PullOptions, pull } from "./pull.ts";
import { rootfsArchive, rootfsFolder } from "./rootfs.ts";
import { openSaved, SAVED_MARK } from "./saved.ts";

export interface OpenOptions extends PullOptions {
  /** In the order of preference; empty: whatever the only one is. */
  readonly platforms: readonly Platform[];
  /** An existing folder of the caller's, for temporary files as large as the image unpacked. */
  readonly scratchFolder: string;
}

const CHUNK_BYTES = 256 << 10;

/** Finds out what a source is, and opens it. Throws BadImage. */
export async function openSource(source: Source, options: OpenOptions): Promise<Image> {
  if (source.kind === "registry") return pull(source.reference, options.platforms, options);
  const { path } = source;
  const wanted = source.kind === "image" ? source.image : null;
  const info = await stat(path);
  if (info.isDirectory()) {
    const files = folderFiles(path);
    const isLayout = source.kind !== "rootfs" && (await files.find(LAYOUT_MARK)) !== null;
    if (isLayout) return openLayout(files, wanted, options.platforms);
    if (source.kind !== "image") return rootfsFolder(path, options.signal);
    return fail({ kind: "source", source: path, detail: "it is no OCI layout: it has no file oci-layout" });
  }
  if (!info.isFile()) return fail({ kind: "source", source: path, detail: "it is neither a file nor a folder" });
  return source.kind === "rootfs" ? rootfsIn(path) : openArchive(source.kind, path, wanted, options);
}

const rootfsIn = (path: string): Image =>
  rootfsArchive(path, () => createReadStream(path, { highWaterMark: CHUNK_BYTES }));

async function openArchive(
  kind: "image" | "path",
  path: string,
  wanted: string | null,
  options: OpenOptions,
): Promise<Image> {
  const plain = await withoutCompression(path, options);
  const files = await archiveFiles(plain, path);
  if (plain !== path) await rm(plain); // what is open stays
  if (files === null) return rootfsIn(path);
  try {
    const has = async (name: string): Promise<boolean> => (await files.find(name)) !== null;
    // Newer archives by docker save are both; what they have in common is the layout's.
    if ((await has(LAYOUT_MARK)) && (await has("index.json")))
      return await openLayout(files, wanted, options.platforms);
    if (await has(SAVED_MARK)) return await openSaved(files, wanted);
    if (kind === "path") {
      await files.close();
      return rootfsIn(path);
    }
    return fail({ kind: "source", source: path, detail: "it is no archive of an image" });
  } catch (thrown) {
    await files.close();
    throw thrown;
  }
}

/** The archive itself, or what comes out of it in a file of ours: an image in it is not read from the front to the back. */
async function withoutCompression(path: string, { scratchFolder, signal }: OpenOptions): Promise<string> {
  const begin = new Uint8Array(512);
  await using file = await open(path);
  await file.read(begin, 0, begin.length, 0);
  if (Buffer.from(begin.subarray(257, 262)).toString("latin1") === "ustar") return path;
  const plain = join(scratchFolder, "archive");
  await using into = await open(plain, "wx", 0o600);
  let bytes = 0;
  for await (const part of decompressed(createReadStream(path, { highWaterMark: CHUNK_BYTES }), path)) {
    signal?.throwIfAborted();
    bytes += part.byteLength;
    if (bytes > imageLimits.unpackedBytesMax) {
      fail({ kind: "tooLarge", what: path, most: imageLimits.unpackedBytesMax, unit: "bytes" });
    }
    await into.writeFile(part);
  }
  return plain;
}
