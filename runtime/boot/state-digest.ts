import type { Digest } from "../state/index.ts";

/** What the hub calls a state: SHA-256 of its text as it is stored. */
export const stateDigest = (text: Uint8Array): Digest =>
  new Bun.CryptoHasher("sha256").update(text).digest("hex") as Digest;
