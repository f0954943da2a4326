import type { Rng } from "./rng.ts";

/** What a medium writes whole or not at all. */
export const SECTOR_BYTES = 512;

/**
 * What a power cut leaves of a file of which only the first `syncedBytes` were fsynced: nothing of the rest, all of it, its length
 * without its bytes (the size was written before the data), or a length in between with each sector written, zero or garbage.
 */
export function torn(rng: Rng, bytes: Uint8Array, syncedBytes: number): Uint8Array {
  const loose = bytes.byteLength - syncedBytes;
  if (loose === 0) return bytes;
  switch (rng.pick(["nothing", "all", "zeros", "sectors"] as const)) {
    case "nothing":
      return bytes.subarray(0, syncedBytes);
    case "all":
      return bytes;
    case "zeros":
      return withTail(bytes, syncedBytes, bytes.byteLength);
    case "sectors":
      return scattered(rng, bytes, syncedBytes, syncedBytes + 1 + rng.below(loose));
  }
}

/** `bytes` up to `from`, then zeros up to `to`. */
function withTail(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const made = new Uint8Array(to);
  made.set(bytes.subarray(0, from));
  return made;
}

function scattered(rng: Rng, bytes: Uint8Array, from: number, to: number): Uint8Array {
  const made = withTail(bytes, from, to);
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    const fate = rng.pick(["written", "zero", "garbage"] as const);
    if (fate === "written") made.set(bytes.subarray(at, end), at);
    if (fate === "garbage") made.set(rng.bytes(end - at), at);
    at = end;
  }
  return made;
}
