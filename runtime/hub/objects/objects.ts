import type { Result } from "../../result.ts";
import type { Digest } from "../../state/index.ts";
import type { PutError } from "../../store/index.ts";

/** The hub's objects, by digest. A failing disk or network rejects, but for `put`, whose caller may try again. */
export interface HubObjects {
  /** Bytes; null: it is not here. */
  size(digest: Digest): Promise<number | null>;
  /** Keeps it if its bytes are those of the digest. `sizeBytes`: as many as the source says it has; null: unknown. */
  put(
    digest: Digest,
    source: AsyncIterable<Uint8Array>,
    sizeBytes: number | null,
  ): Promise<Result<{ readonly sizeBytes: number; readonly existed: boolean }, PutError>>;
  /** A file of this machine with its bytes, as long as the object is not removed; null: it is not here. */
  file(digest: Digest): Promise<string | null>;
  /** Those that were put before. */
  list(beforeMs: number): Promise<readonly Digest[]>;
  remove(digest: Digest): Promise<void>;
}

/** The largest that is kept: as much as blocks of a device's largest class can number (`fleet/wire`). */
export const OBJECT_BYTES_MAX = 16 * 2 ** 30;
