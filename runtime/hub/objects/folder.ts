import { ok, type Result } from "../../result.ts";
import type { Digest } from "../../state/index.ts";
import {
  type Disk,
  type DiskError,
  explainDiskError,
  listObjects,
  objectInfo,
  objectPath,
  openStore,
  putObject,
  removeObject,
  removeUnfinishedObjects,
} from "../../store/index.ts";
import type { HubObjects } from "./objects.ts";

/** Of the file system that stay free, for the database and whoever else lives there. */
const RESERVED_PERCENT = 5;
const WHY = "keep the hub's objects";

/** Objects in `<folder>/objects`, as on a device. What an earlier end left unfinished goes. */
export async function openFolder(disk: Disk, folder: string): Promise<Result<HubObjects, DiskError>> {
  const store = openStore(disk, folder);
  const swept = await removeUnfinishedObjects(store);
  if (!swept.ok) return swept;
  const sizeOf = async (digest: Digest): Promise<number | null> =>
    ofDisk(await objectInfo(store, digest))?.sizeBytes ?? null;
  return ok({
    size: sizeOf,
    put: (digest, source, expectedBytes) =>
      putObject(store, digest, source, { expectedBytes, reservedPercent: RESERVED_PERCENT }),
    file: async (digest) => ((await sizeOf(digest)) === null ? null : objectPath(store, digest)),
    async list(beforeMs) {
      const old: Digest[] = [];
      for (const { digest } of ofDisk(await listObjects(store))) {
        const info = ofDisk(await disk.stat(WHY, objectPath(store, digest)));
        if (Number(info.ctimeNs / 1_000_000n) < beforeMs) old.push(digest);
      }
      return old;
    },
    remove: async (digest) => ofDisk(await removeObject(store, digest)),
  });
}

function ofDisk<T>(result: Result<T, DiskError>): T {
  if (result.ok) return result.value;
  throw new Error(explainDiskError(result.error));
}
