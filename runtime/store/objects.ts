import { err, ok, type Result } from "../result.ts";
import { type Digest, parseDigest } from "../state/index.ts";
import { type Disk, type DiskError, type DiskResult, explainDiskError, type NewFile } from "./disk.ts";
import { digestOf } from "./hash.ts";
import { inOrder, makeFolders, moveIntoPlace, unlinkIfThere, writeTemporary } from "./save.ts";
import { fileBytes, type NoSpace, spaceFor, storageSpace } from "./space.ts";
import { objectPath, objectsFolder, type Store } from "./store.ts";

const WHY = "store/object";
const MODE = 0o644;
/** Larger chunks from a source are cut, so that hashing and writing them does not hold up the event loop. */
const CHUNK_BYTES = 1 << 20;
const READ_BYTES = 256 * 1024;

/**
 * `badDigest`: the bytes were not those of `digest` (an HTTP server answers 422); `source`: the stream broke off; `tooMany`: it went on
 * after `expectedBytes`. Nothing was kept.
 */
export type PutError =
  | DiskError
  | NoSpace
  | { readonly kind: "tooMany"; readonly digest: Digest; readonly expectedBytes: number }
  | { readonly kind: "badDigest"; readonly digest: Digest; readonly found: Digest; readonly sizeBytes: number }
  | { readonly kind: "source"; readonly digest: Digest; readonly cause: unknown };

export interface PutOptions {
  /** What the source said it would send: refused with {@link NoSpace} before the first byte when that does not fit. Null: unknown. */
  readonly expectedBytes?: number | null;
  /** Percent of the file system that must stay free for that, `PV_STORAGE_GC_RESERVED`; default 0. */
  readonly reservedPercent?: number;
}

export interface Put {
  readonly sizeBytes: number;
  /** A valid object was there already; `source` was not read. */
  readonly existed: boolean;
}

/** One object: `links` counts the object's own name and every trail file and boot file made of it; 1 is what garbage is. */
export interface ObjectInfo {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly links: number;
}

/** Length of the object if it is there with the right bytes; reads it whole. One that cannot be read is as good as none. */
async function validSize({ hashing }: Store, path: string, digest: Digest): Promise<number | null> {
  const hashed = await hashing.hash(WHY, path);
  return hashed.ok && hashed.value.digest === digest ? hashed.value.info.sizeBytes : null;
}

/**
 * Stores the bytes of `source` as the object `digest`, by way of `objects/<digest>.tmp` (with the store's writer in between); the object appears only whole, right and
 * durable. An object with wrong bytes under that name is replaced (trail files linked to the old one keep it until they are installed
 * again). Calls for one digest run one after the other. Memory: one chunk.
 */
export function putObject(
  store: Store,
  digest: Digest,
  source: AsyncIterable<Uint8Array>,
  { expectedBytes = null, reservedPercent = 0 }: PutOptions = {},
): Promise<Result<Put, PutError>> {
  const { disk } = store;
  const path = objectPath(store, digest);
  return inOrder(disk, path, async () => {
    const there = await validSize(store, path, digest);
    if (there !== null) {
      const kept = await disk.fsync(WHY, objectsFolder(store)); // its name may come from a call that failed just here
      return kept.ok ? ok({ sizeBytes: there, existed: true }) : kept;
    }
    const room = expectedBytes === null ? ok(undefined) : await roomFor(store, reservedPercent, expectedBytes);
    if (!room.ok) return room;
    const folder = await makeFolders(disk, WHY, store.root, "objects");
    if (!folder.ok) return folder;
    const temporary = `${path}${store.writer}.tmp`;
    const written = await writeTemporary(disk, WHY, temporary, MODE, (file) =>
      receive(file, digest, source, expectedBytes),
    );
    if (!written.ok) return written;
    const moved = await moveIntoPlace(disk, WHY, temporary, path);
    if (!moved.ok) return moved;
    const kept = await disk.fsync(WHY, folder.value);
    return kept.ok ? ok({ sizeBytes: written.value, existed: false }) : kept;
  });
}

async function roomFor(
  store: Store,
  reservedPercent: number,
  bytes: number,
): Promise<Result<void, DiskError | NoSpace>> {
  const space = await storageSpace(store, reservedPercent);
  return space.ok ? spaceFor(space.value, fileBytes(bytes)) : space;
}

/** Writes and hashes a stream; the value is its length. */
async function receive(
  file: NewFile,
  digest: Digest,
  source: AsyncIterable<Uint8Array>,
  expectedBytes: number | null,
): Promise<Result<number, PutError>> {
  const hasher = new Bun.CryptoHasher("sha256");
  let sizeBytes = 0;
  try {
    for await (const bytes of source) {
      for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) {
        const chunk = bytes.subarray(at, at + CHUNK_BYTES);
        if (expectedBytes !== null && sizeBytes + chunk.byteLength > expectedBytes) {
          return err({ kind: "tooMany", digest, expectedBytes });
        }
        hasher.update(chunk);
        const written = await file.write(chunk);
        if (!written.ok) return written;
        sizeBytes += chunk.byteLength;
      }
    }
  } catch (cause) {
    return err({ kind: "source", digest, cause });
  }
  const found = digestOf(hasher);
  return found === digest ? ok(sizeBytes) : err({ kind: "badDigest", digest, found, sizeBytes });
}

/** Null when there is no such object. Says nothing about its bytes: see validate.ts. */
export async function objectInfo(store: Store, digest: Digest): DiskResult<ObjectInfo | null> {
  const info = await store.disk.stat(WHY, objectPath(store, digest));
  if (info.ok) return ok({ digest, sizeBytes: info.value.sizeBytes, links: info.value.links });
  return info.error.kind === "missing" ? ok(null) : info;
}

export interface ObjectContents {
  readonly sizeBytes: number;
  /** At most 256 KiB each, in one buffer: a chunk holds until the next one is asked for. Throws when the disk fails or the object is replaced meanwhile; opens nothing before it is asked. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** An object's bytes as they are on the disk; whoever needs to be sure hashes them. `missing`: there is no such object. */
export async function readObject({ disk, root }: Store, digest: Digest): DiskResult<ObjectContents> {
  const path = objectPath({ root }, digest);
  const info = await disk.stat(WHY, path);
  if (!info.ok) return info;
  if (info.value.type !== "file") {
    return err({ kind: "notFile", call: "stat", path, why: WHY, code: "not a regular file" });
  }
  const { sizeBytes } = info.value;
  return ok({ sizeBytes, chunks: contents(disk, path, sizeBytes) });
}

/** Exactly `sizeBytes` bytes, which an HTTP answer has promised by then. */
async function* contents(disk: Disk, path: string, sizeBytes: number): AsyncIterable<Uint8Array> {
  const file = ofDisk(await disk.open(WHY, path));
  try {
    const buffer = new Uint8Array(Math.min(READ_BYTES, sizeBytes));
    for (let at = 0; at < sizeBytes; ) {
      const chunk = buffer.subarray(0, sizeBytes - at);
      const count = ofDisk(await file.read(chunk, at));
      if (count === 0) throw new Error(`${path} became shorter while it was read`);
      yield chunk.subarray(0, count);
      at += count;
    }
  } finally {
    await file.close();
  }
}

function ofDisk<T>(result: Result<T, DiskError>): T {
  if (result.ok) return result.value;
  throw new Error(explainDiskError(result.error));
}

async function namesOfObjects({ disk, root }: Store): DiskResult<readonly string[]> {
  const names = await disk.list(WHY, objectsFolder({ root }));
  return names.ok || names.error.kind !== "missing" ? names : ok([]);
}

/** Every whole object, by digest; temporary and foreign files are left out. */
export async function listObjects(store: Store): DiskResult<readonly ObjectInfo[]> {
  const names = await namesOfObjects(store);
  if (!names.ok) return names;
  const objects: ObjectInfo[] = [];
  for (const name of names.value) {
    const digest = parseDigest(name);
    const info = digest === null ? ok(null) : await objectInfo(store, digest);
    if (!info.ok) return info;
    if (info.value !== null) objects.push(info.value);
  }
  return ok(objects);
}

/** Removes an object's own name; trail files linked to it keep its bytes. No error when there is none. */
export async function removeObject(store: Store, digest: Digest): DiskResult<void> {
  const gone = await unlinkIfThere(store.disk, WHY, objectPath(store, digest));
  return gone.ok ? store.disk.fsync(WHY, objectsFolder(store)) : gone;
}

/** Removes what power cuts left of objects that were being stored. Only while nothing is: at start. The value counts them. */
export async function removeUnfinishedObjects(store: Store): DiskResult<number> {
  const swept = await sweepUnfinished(store, (name) => name.endsWith(".tmp"));
  return swept.ok ? ok(swept.value.count) : swept;
}

interface Swept {
  readonly count: number;
  readonly freedBytes: number;
}

/** What this writer left, and how many bytes that gave back. Only while it stores nothing; others may. */
export const sweepOwnUnfinished = (store: Store): DiskResult<Swept> => {
  const end = `${store.writer}.tmp`;
  return sweepUnfinished(store, (name) => name.endsWith(end) && parseDigest(name.slice(0, -end.length)) !== null);
};

async function sweepUnfinished(store: Store, isOne: (name: string) => boolean): DiskResult<Swept> {
  const names = await namesOfObjects(store);
  if (!names.ok) return names;
  let [count, freedBytes] = [0, 0];
  for (const name of names.value) {
    if (!isOne(name)) continue;
    const path = `${objectsFolder(store)}/${name}`;
    const info = await store.disk.stat(WHY, path);
    const gone = await unlinkIfThere(store.disk, WHY, path);
    if (!gone.ok) return gone;
    freedBytes += info.ok ? info.value.sizeBytes : 0;
    count += 1;
  }
  return ok({ count, freedBytes });
}
