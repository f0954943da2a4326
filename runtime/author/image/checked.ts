import type { Digest } from "../../state/index.ts";
import { fail } from "./fault.ts";

/** Bytes that must have a digest, and a length where it is known. */
export interface Expected {
  readonly blob: string;
  readonly digest: Digest;
  readonly sizeBytes: number | null;
}

/** Passes the bytes on and throws BadImage at the first byte too many, or at the end when they are not what they should be. */
export async function* checked(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { blob, digest, sizeBytes }: Expected,
): AsyncGenerator<Uint8Array> {
  const hasher = new Bun.CryptoHasher("sha256");
  let foundBytes = 0;
  const wrongLength = (): never => fail({ kind: "length", blob, expectedBytes: sizeBytes ?? 0, foundBytes });
  for await (const part of source) {
    foundBytes += part.byteLength;
    if (sizeBytes !== null && foundBytes > sizeBytes) wrongLength();
    hasher.update(part);
    yield part;
  }
  if (sizeBytes !== null && foundBytes !== sizeBytes) wrongLength();
  const found = hasher.digest("hex");
  if (found !== digest) fail({ kind: "digest", blob, found });
}

/** All of it; `tooLarge` above `most`. */
export async function wholeOf(source: AsyncIterable<Uint8Array>, what: string, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of source) {
    bytes += part.byteLength;
    if (bytes > most) fail({ kind: "tooLarge", what, most, unit: "bytes" });
    parts.push(part);
  }
  return Buffer.concat(parts);
}
