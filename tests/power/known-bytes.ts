/**
 * Hashes each content once. The bytes of a file are those of its blocks, and which write left a block as it is is known: a file that
 * stands on the same blocks by the same writes as one that was hashed has the same digest. Everything else is read.
 */
import { type Hashing, openHashing } from "../../runtime/store/hash.ts";
import { realDisk } from "../../runtime/store/index.ts";
import { type Extent, extentsOf } from "./extents.ts";
import { SECTOR_BYTES } from "./log.ts";

type Hashed = Awaited<ReturnType<Hashing["hash"]>>;

export class KnownBytes {
  readonly #digests = new Map<string, Extract<Hashed, { ok: true }>["value"]["digest"]>();
  readonly #real = openHashing(realDisk);
  /** Files read to their end, and not. */
  read = 0;
  known = 0;

  /** For one mounted image. `writers` as in CutImage; a file that was changed at or after `mountedNs` is read in any case. */
  hashing(writers: Uint32Array, mountedNs: bigint): Hashing {
    return {
      hash: async (why, path) => {
        const info = await realDisk.stat(why, path);
        if (!info.ok || info.value.type !== "file") return this.#real.hash(why, path);
        const old = info.value.ctimeNs < mountedNs && info.value.mtimeNs < mountedNs;
        const extents = old && info.value.sizeBytes > 0 ? extentsOf(path) : null;
        const key = extents === null ? null : identity(info.value.sizeBytes, extents, writers);
        const digest = key === null ? undefined : this.#digests.get(key);
        if (digest !== undefined) {
          this.known += 1;
          return { ok: true, value: { digest, info: info.value } };
        }
        this.read += 1;
        const hashed = await this.#real.hash(why, path);
        if (key !== null && hashed.ok) this.#digests.set(key, hashed.value.digest);
        return hashed;
      },
    };
  }
}

function identity(sizeBytes: number, extents: readonly Extent[], writers: Uint32Array): string {
  const parts = extents.map(({ logical, physical, length }) => {
    const blocks = writers.subarray(physical / SECTOR_BYTES, (physical + length) / SECTOR_BYTES);
    return `${logical}:${physical}:${length}:${Bun.hash(blocks)}`;
  });
  return [sizeBytes, ...parts].join(" ");
}
