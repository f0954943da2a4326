/** The simplest patch there is: each byte is what must be added to the base's, one after the other, modulo 256. */
import type { ApplyPatch } from "../../../runtime/fleet/parcels/index.ts";

export const toyPatch: ApplyPatch = async function* ({ base, patch, objectBytes }) {
  let at = 0;
  for await (const part of patch) {
    const old = new Uint8Array(part.length);
    const read = base === null ? { ok: true } : await base.read(old, at);
    if (!read.ok) throw new Error("the base cannot be read");
    yield part.map((byte, index) => byte + (old[index] ?? 0));
    at += part.length;
  }
  if (at !== objectBytes) throw new Error(`${at} bytes instead of ${objectBytes}`);
};

/** What {@link toyPatch} needs to give `target`. */
export const toyPatchOf = (base: Uint8Array | null, target: Uint8Array): Uint8Array =>
  target.map((byte, index) => byte - (base?.[index] ?? 0));
