import { err, ok, type Result } from "../result.ts";
import type { RevisionName } from "../state/index.ts";
import { type Disk, type DiskError, type OpenFile, sameInode, trailFolder } from "../store/index.ts";
import type { Area } from "./area.ts";
import { diskFailed } from "./env-file.ts";
import type { LoaderError, LoaderResult } from "./model.ts";

const WHY = "loader/boot-image";
const CHUNK_BYTES = 1024 * 1024;

/** A boot partition's image in a trail. */
export interface BootImage {
  readonly path: string;
  readonly packed: boolean;
}

/** Where `store/` puts it (names of reference 6.4). */
export const bootImage = (storage: string, rev: RevisionName, packed: boolean): BootImage => ({
  path: `${trailFolder({ root: storage }, rev)}/.pv/rpiboot.img${packed ? ".gz" : ""}`,
  packed,
});

/**
 * Both revisions have the same image: trails hold links to objects, so one content is one inode. A copy, which the store makes when an
 * object has no links left, counts as another image; then one is written in vain.
 */
export async function sameImage(
  disk: Disk,
  image: BootImage,
  storage: string,
  other: RevisionName,
): LoaderResult<boolean> {
  const mine = await disk.stat(WHY, image.path);
  if (!mine.ok) return diskFailed(mine.error);
  const theirs = await disk.stat(WHY, bootImage(storage, other, image.packed).path);
  if (!theirs.ok) return theirs.error.kind === "missing" ? ok(false) : diskFailed(theirs.error);
  return ok(sameInode(mine.value, theirs.value));
}

/** A disk's error on its way through a stream, which only knows how to throw. */
class ReadFailed extends Error {
  constructor(readonly error: DiskError) {
    super("reading failed");
  }
}

async function* chunksOf(file: OpenFile): AsyncIterable<Uint8Array> {
  for (let at = 0; ; ) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const read = await file.read(chunk, at);
    if (!read.ok) throw new ReadFailed(read.error);
    if (read.value === 0) return;
    at += read.value;
    yield chunk.subarray(0, read.value);
  }
}

async function unpacked(image: BootImage, file: OpenFile): Promise<AsyncIterable<Uint8Array>> {
  if (!image.packed) return chunksOf(file);
  const { gunzipped } = await import("./gunzip.ts"); // streams are much to load for what few devices ever need
  return gunzipped(chunksOf(file), CHUNK_BYTES);
}

const digest = (): Bun.CryptoHasher => new Bun.CryptoHasher("sha256");

interface Written {
  readonly bytes: number;
  readonly sha256: string;
}

async function copyInto(area: Area, image: BootImage, file: OpenFile): LoaderResult<Written> {
  const hash = digest();
  let bytes = 0;
  try {
    for await (const chunk of await unpacked(image, file)) {
      if (bytes + chunk.byteLength > area.sizeBytes) {
        return err({ kind: "tooLarge", path: area.path, bytes: bytes + chunk.byteLength, bytesMax: area.sizeBytes });
      }
      const written = await area.write(bytes, chunk);
      if (!written.ok) return diskFailed(written.error);
      hash.update(chunk);
      bytes += chunk.byteLength;
    }
  } catch (thrown) {
    if (thrown instanceof ReadFailed) return diskFailed(thrown.error);
    if (!image.packed) throw thrown;
    return err({ kind: "unreadable", path: image.path, problem: `it cannot be unpacked (${String(thrown)})` });
  }
  return ok({ bytes, sha256: hash.digest("hex") });
}

async function checkArea(area: Area, { bytes, sha256 }: Written): LoaderResult<void> {
  const hash = digest();
  for (let at = 0; at < bytes; at += CHUNK_BYTES) {
    const read = await area.read(at, Math.min(CHUNK_BYTES, bytes - at));
    if (!read.ok) return diskFailed(read.error);
    hash.update(read.value);
  }
  if (hash.digest("hex") === sha256) return ok(undefined);
  return err({ kind: "notWritten", path: area.path, problem: "its SHA-256 is not that of the image" });
}

/** Writes the image over a partition that is not mounted, and reads it back. What is behind the image's end stays. */
export async function writeImage(disk: Disk, image: BootImage, area: Area): Promise<Result<void, LoaderError>> {
  const opened = await disk.open(WHY, image.path);
  if (!opened.ok) return diskFailed(opened.error);
  const written = await copyInto(area, image, opened.value);
  const closed = await opened.value.close();
  if (!written.ok) return written;
  return closed.ok ? checkArea(area, written.value) : diskFailed(closed.error);
}
