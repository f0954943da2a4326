import { err, invariant, ok } from "../result.ts";
import { type Digest, parseDigest } from "../state/index.ts";
import { type Disk, type DiskError, type DiskResult, type FileInfo, type OpenFile, sameInode } from "./disk.ts";
import { openGate } from "./gate.ts";

/** A file's SHA-256, and what fstat(2) said of the very file that was read. */
export interface Hashed {
  readonly digest: Digest;
  readonly info: FileInfo;
}

export interface Hashing {
  /**
   * SHA-256 of a regular file, streaming. Files are taken in the order of the calls, {@link FILES_AT_ONCE} at a time. Errors: those of
   * the disk, and `changing` when the file was written to meanwhile.
   */
  hash(why: string, path: string): DiskResult<Hashed>;
}

/** Two, so that the second file's reading hides behind the first one's hashing; all hashing is done by one thread. */
const FILES_AT_ONCE = 2;
/** The event loop waits for one chunk at most: 0.2 ms with SHA instructions, 5 ms at 50 MB/s. Each file at work has two. */
const CHUNK_BYTES = 256 * 1024;

const unchanged = (a: FileInfo, b: FileInfo): boolean =>
  sameInode(a, b) && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;

/** Text of a finished SHA-256. */
export function digestOf(hasher: Bun.CryptoHasher): Digest {
  const digest = parseDigest(hasher.digest("hex"));
  invariant(digest !== null, "SHA-256 in hex is a digest");
  return digest;
}

export function openHashing(disk: Disk): Hashing {
  const gate = openGate(FILES_AT_ONCE);
  return { hash: (why, path) => gate(() => hashFile(disk, why, path)) };
}

async function hashFile(disk: Disk, why: string, path: string): DiskResult<Hashed> {
  const opened = await disk.open(why, path);
  if (!opened.ok) return opened;
  const file = opened.value;
  const hashed = await hashOpen(file, why, path);
  const closed = await file.close();
  return hashed.ok && !closed.ok ? closed : hashed;
}

async function hashOpen(file: OpenFile, why: string, path: string): DiskResult<Hashed> {
  const digest = await readThrough(file);
  if (!digest.ok) return digest;
  const after = await file.stat();
  if (!after.ok) return after;
  if (unchanged(file.info, after.value)) return ok({ digest: digest.value, info: after.value });
  const error: DiskError = { kind: "changing", call: "read", path, why, code: "written to while it was read" };
  return err(error);
}

/** Reads as many bytes as the file had when it was opened, one chunk while the one before it is hashed. */
async function readThrough(file: OpenFile): DiskResult<Digest> {
  const { sizeBytes } = file.info;
  const chunkBytes = Math.min(CHUNK_BYTES, sizeBytes);
  let [filling, full] = [new Uint8Array(chunkBytes), new Uint8Array(chunkBytes)];
  const hasher = new Bun.CryptoHasher("sha256");
  let atBytes = 0;
  let reading = file.read(filling, 0);
  for (;;) {
    const read = await reading;
    if (!read.ok) return read;
    atBytes += read.value;
    const atEnd = read.value === 0 || atBytes >= sizeBytes; // one that grew or shrank is found out by its new size
    [filling, full] = [full, filling];
    if (!atEnd) reading = file.read(filling, atBytes);
    hasher.update(full.subarray(0, read.value));
    if (atEnd) return ok(digestOf(hasher));
  }
}
