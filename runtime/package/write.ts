import type { Digest } from "../state/index.ts";
import { streamOf } from "./file-bytes.ts";
import { BadPackage } from "./model.ts";
import { type Bytes, type TarFile, tarBytes } from "./tar-writer.ts";

export interface ExportedObject {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Opened when its turn comes. */
  open(): AsyncIterable<Bytes>;
}

/** Modes as `pvr` gives them (reference authoring 4.1). */
const STATE_MODE = 0o600;
const OBJECT_MODE = 0o644;

/**
 * The bytes of an export: `json`, then each object once, in the order of their digests. Same state, same bytes. Every object is checked
 * while it is read; throws {@link BadPackage} on one with wrong bytes, when some were given out already.
 */
export function exportBytes(state: string, objects: readonly ExportedObject[], gzip: boolean): AsyncIterable<Bytes> {
  const plain = tarBytes(filesOf(Buffer.from(state), objects));
  return gzip ? zipped(plain) : plain;
}

function* filesOf(state: Bytes, objects: readonly ExportedObject[]): Generator<TarFile> {
  yield { name: "json", mode: STATE_MODE, sizeBytes: state.byteLength, bytes: [state] };
  for (const object of objects.toSorted((a, b) => (a.digest < b.digest ? -1 : 1))) {
    const { digest, sizeBytes } = object;
    yield { name: `objects/${digest}`, mode: OBJECT_MODE, sizeBytes, bytes: checked(object) };
  }
}

async function* checked({ digest, sizeBytes, open }: ExportedObject): AsyncGenerator<Bytes> {
  const hasher = new Bun.CryptoHasher("sha256");
  let left = sizeBytes;
  for await (const part of open()) {
    left -= part.byteLength;
    if (left < 0) throw new BadPackage(`object ${digest} is longer than it was`);
    hasher.update(part);
    yield part;
  }
  const found = hasher.digest("hex");
  if (left > 0 || found !== digest) throw new BadPackage(`object ${digest} has wrong bytes: their SHA-256 is ${found}`);
}

/** gzip (RFC 1952) without a name or a time. */
const zipped = (source: AsyncGenerator<Bytes>): AsyncIterable<Bytes> =>
  streamOf(source).pipeThrough(new CompressionStream("gzip"));
