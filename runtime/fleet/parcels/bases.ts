import { ok } from "../../result.ts";
import type { Digest } from "../../state/index.ts";
import { type DiskResult, objectInfo, objectPath, type Store } from "../../store/index.ts";

/** What a patch is made from, read by position. */
export interface Base {
  readonly sizeBytes: number;
  /** Fills `into` from byte `atBytes` on; the value is how many bytes came, 0 at the end. */
  read(into: Uint8Array, atBytes: number): DiskResult<number>;
  close(): Promise<void>;
}

/** Where bases come from; null: it is not there. */
export type Bases = (digest: Digest) => DiskResult<Base | null>;

const WHY = "fleet/base";

/** An object in the store. */
export async function baseOfStore(store: Store, digest: Digest): DiskResult<Base | null> {
  const opened = await store.disk.open(WHY, objectPath(store, digest));
  if (!opened.ok) return opened.error.kind === "missing" ? ok(null) : opened;
  const file = opened.value;
  return ok({
    sizeBytes: file.info.sizeBytes,
    read: (into, atBytes) => file.read(into, atBytes),
    close: async () => void (await file.close()),
  });
}

/** Bytes in memory. */
export const baseOfBytes = (bytes: Uint8Array): Base => ({
  sizeBytes: bytes.length,
  async read(into, atBytes) {
    const part = bytes.subarray(atBytes, atBytes + into.length);
    into.set(part);
    return ok(part.length);
  },
  close: async () => {},
});

/** Those that are in the store, and not empty. What cannot be looked at is left out. */
export async function inStore(store: Store, digests: readonly Digest[]): Promise<readonly Digest[]> {
  const there: Digest[] = [];
  for (const digest of digests) {
    const info = await objectInfo(store, digest);
    if (info.ok && info.value !== null && info.value.sizeBytes > 0 && !there.includes(digest)) there.push(digest);
  }
  return there;
}
