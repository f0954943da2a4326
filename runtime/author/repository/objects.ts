import { err, ok, type Result } from "../../result.ts";
import { type Digest, parseDigest } from "../../state/index.ts";
import {
  type DiskError,
  type DiskResult,
  explainDiskError,
  makeWithParents,
  type NewFile,
  openStore,
  writeTemporary,
} from "../../store/index.ts";
import type { RepositoryError } from "./fault.ts";
import { isAlive } from "./process.ts";
import type { Repository } from "./repository.ts";

const WHY = "author/object";
const MODE = 0o644;
const CHUNK_BYTES = 256 * 1024;

export interface StoredObject {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface KeptObject extends StoredObject {
  /** It was there already; nothing was read of the source. */
  readonly existed: boolean;
}

type Found = Promise<Result<StoredObject, RepositoryError>>;

/** Where an object is: in the configured folder, or in the repository's own, as older ones have it. */
export async function findObject(repository: Repository, digest: Digest): Found {
  const folders = new Set([repository.objectsFolder, `${repository.folder}/objects`]);
  for (const folder of folders) {
    const path = `${folder}/${digest}`;
    const info = await repository.disk.stat(WHY, path);
    if (info.ok && info.value.type === "file") return ok({ path, sizeBytes: info.value.sizeBytes });
    if (info.ok) return err({ kind: "badFile", path, problem: `a ${info.value.type} where an object must be` });
    if (info.error.kind !== "missing" && info.error.kind !== "notFolder") return info;
  }
  return err({ kind: "noObject", digest, folder: repository.objectsFolder });
}

/**
 * Keeps the bytes of `source` as an object: it appears only whole and right. One that is there with the right bytes is left alone, and
 * `source` is not read. Its name is durable after {@link settleObjects}.
 */
export async function keepObject(
  repository: Repository,
  digest: Digest,
  source: AsyncIterable<Uint8Array>,
): Promise<Result<KeptObject, RepositoryError>> {
  const { disk, objectsFolder } = repository;
  const path = `${objectsFolder}/${digest}`;
  const there = await checkObject(repository, digest);
  if (there.ok && there.value.path === path) return ok({ ...there.value, existed: true });
  const made = await makeWithParents(disk, WHY, objectsFolder);
  if (!made.ok) return made;
  // Users' objects are shared by all their repositories, so another process may be writing the same one.
  const temporary = `${objectsFolder}/.${digest}.${process.pid}.tmp`;
  const written = await writeTemporary(disk, WHY, temporary, MODE, (file) => receive(file, digest, source));
  if (!written.ok) return written;
  const moved = await disk.rename(WHY, temporary, path);
  if (moved.ok) return ok({ path, sizeBytes: written.value, existed: false });
  await disk.unlink(WHY, temporary);
  return moved;
}

async function receive(
  file: NewFile,
  digest: Digest,
  source: AsyncIterable<Uint8Array>,
): Promise<Result<number, RepositoryError>> {
  const hasher = new Bun.CryptoHasher("sha256");
  let sizeBytes = 0;
  try {
    for await (const chunk of source) {
      hasher.update(chunk);
      const written = await file.write(chunk);
      if (!written.ok) return written;
      sizeBytes += chunk.byteLength;
    }
  } catch (cause) {
    if (cause instanceof ReadFailed) return err(cause.error);
    return err({ kind: "source", digest, why: cause instanceof Error ? cause.message : String(cause) });
  }
  const found = hasher.digest("hex") as Digest;
  return found === digest ? ok(sizeBytes) : err({ kind: "wrongBytes", digest, found });
}

/** Makes the names of kept objects durable; before a state is saved that needs them. */
export const settleObjects = ({ disk, objectsFolder }: Repository): DiskResult<void> => disk.fsync(WHY, objectsFolder);

/** The object, read whole: `badObject` when its bytes are not its own. */
export async function checkObject(repository: Repository, digest: Digest): Found {
  const found = await findObject(repository, digest);
  if (!found.ok) return found;
  const { path } = found.value;
  const hashed = await openStore(repository.disk, repository.folder).hashing.hash(WHY, path);
  if (!hashed.ok) return hashed;
  return hashed.value.digest === digest ? found : err({ kind: "badObject", digest, found: hashed.value.digest, path });
}

/** Removes what killed processes left half-written in the store; what others are writing now stays. */
export async function sweepObjects({ disk, objectsFolder }: Repository): Promise<void> {
  const names = await disk.list(WHY, objectsFolder);
  if (!names.ok) return; // a store that is not there yet, or failing: whoever needs it says so
  for (const name of names.value) {
    const [, digest = "", pid = ""] = /^\.([0-9a-f]{64})\.(\d{1,9})\.tmp$/.exec(name) ?? [];
    if (parseDigest(digest) !== null && !isAlive(Number(pid))) await disk.unlink(WHY, `${objectsFolder}/${name}`);
  }
}

/** A failing disk in the middle of a stream; whoever writes what the stream gives makes a value of it again. */
export class ReadFailed extends Error {
  override readonly name = "ReadFailed";
  constructor(readonly error: DiskError) {
    super(explainDiskError(error));
  }
}

/** The bytes of a regular file, never through a link; throws {@link ReadFailed}. Opens nothing before it is asked. */
export async function* fileBytes({ disk }: Pick<Repository, "disk">, path: string): AsyncGenerator<Uint8Array> {
  const file = ofDisk(await disk.open(WHY, path));
  try {
    for (let at = 0; ; ) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(1, file.info.sizeBytes - at)));
      const count = ofDisk(await file.read(chunk, at));
      if (count === 0) return;
      at += count;
      yield chunk.subarray(0, count);
    }
  } finally {
    await file.close();
  }
}

function ofDisk<T>(result: Result<T, DiskError>): T {
  if (result.ok) return result.value;
  throw new ReadFailed(result.error);
}
