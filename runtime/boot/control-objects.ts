import type { Objects, Refusal, RefusalStatus } from "../control/index.ts";
import { err, ok, type Result } from "../result.ts";
import { parseDigest } from "../state/index.ts";
import { explainStore, listObjects, putObject, readObject, type Store, type StoreError } from "../store/index.ts";

const badDigest: Refusal = { status: 400, why: "Object name must be a SHA-256: 64 of 0-9 a-f" };
const statuses: Partial<Record<StoreError["kind"], RefusalStatus>> = {
  badDigest: 422,
  source: 400,
  tooMany: 400,
  noSpace: 507,
};
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
      const object = await readObject(store, digest);
      if (object.ok) return object;
      return object.error.kind === "missing"
        ? err({ status: 404, why: "Object does not exist" })
        : refused(object.error);
    },
    async put(name, sizeBytes, chunks) {
      const digest = parseDigest(name);
      if (digest === null) return err(badDigest);
      const put = await putObject(store, digest, chunks, { expectedBytes: sizeBytes, reservedPercent });
      return put.ok ? ok(undefined) : refused(put.error);
    },
  };
}
