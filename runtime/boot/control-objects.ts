import type { Chunks, Objects, Refusal } from "../control/index.ts";
import { err, ok, type Result } from "../result.ts";
import { type Digest, parseDigest } from "../state/index.ts";
import {
  explainStore,
  listObjects,
  objectInfo,
  objectPath,
  putObject,
  type Store,
  type StoreError,
  storageSpace,
} from "../store/index.ts";

const WHY = "control/object";
const CHUNK_BYTES = 256 * 1024;

const badDigest: Refusal = { status: 400, why: "Object name must be a SHA-256: 64 of 0-9 a-f" };
const statuses: Partial<Record<StoreError["kind"], Refusal["status"]>> = { badDigest: 422, source: 400, noSpace: 507 };
const refused = (error: StoreError): Result<never, Refusal> =>
  err({ status: statuses[error.kind] ?? 500, why: explainStore(error) });

/** Reference 8.5 on a storage tree. `reservedPercent` of it stays free whatever is uploaded (`PV_STORAGE_GC_RESERVED`). */
export function controlObjects(store: Store, reservedPercent: number): Objects {
  return {
    async list() {
      const objects = await listObjects(store);
      return objects.ok ? objects : refused(objects.error);
    },
    async open(name) {
      const digest = parseDigest(name);
      if (digest === null) return err(badDigest);
      const info = await objectInfo(store, digest);
      if (!info.ok) return refused(info.error);
      if (info.value === null) return err({ status: 404, why: "Object does not exist" });
      const { sizeBytes } = info.value;
      return ok({ sizeBytes, chunks: bytesOf(store, digest) });
    },
    async put(name, sizeBytes, chunks) {
      const digest = parseDigest(name);
      if (digest === null) return err(badDigest);
      const there = await objectInfo(store, digest);
      if (!there.ok) return refused(there.error);
      // One that is there needs no space; if its bytes are wrong, the disk itself says when it is full.
      const space = there.value === null ? await storageSpace(store, reservedPercent) : null;
      if (space?.ok === false) return refused(space.error);
      if (space?.ok && space.value.realFreeBytes < sizeBytes) {
        const { realFreeBytes } = space.value;
        return err({ status: 507, why: `Object needs ${sizeBytes} bytes, ${realFreeBytes} are free` });
      }
      const put = await putObject(store, digest, chunks);
      return put.ok ? ok(undefined) : refused(put.error);
    },
  };
}

/** The file is open only while it is read. One buffer: a chunk holds until the next one is asked for. */
async function* bytesOf(store: Store, digest: Digest): Chunks {
  const opened = await store.disk.open(WHY, objectPath(store, digest));
  if (!opened.ok) throw new Error(explainStore(opened.error));
  const file = opened.value;
  try {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let atBytes = 0; ; ) {
      const read = await file.read(chunk, atBytes);
      if (!read.ok) throw new Error(explainStore(read.error));
      if (read.value === 0) return;
      yield chunk.subarray(0, read.value);
      atBytes += read.value;
    }
  } finally {
    await file.close();
  }
}
