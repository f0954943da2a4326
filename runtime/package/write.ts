import type { Digest } from "../state/index.ts";
import { type Entry, writeTar } from "../tar/index.ts";
import { streamOf } from "./file-bytes.ts";
import { BadPackage } from "./model.ts";

export interface ExportedObject {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Opened when its turn comes. */
  open(): AsyncIterable<Uint8Array>;
}

/** Modes as `pvr` gives them (reference authoring 4.1). */
const STATE_MODE = 0o600;
const OBJECT_MODE = 0o644;
/** Of every file, 1980-01-01: an export says what is in it, not when it was packed, and some tools warn of earlier times. */
const MTIME_SECONDS = 315_532_800;

/**
 * The bytes of an export: `json`, then each object once, in the order of their digests. Same state, same bytes. Every object is checked
 * while it is read; throws {@link BadPackage} on one with wrong bytes, when some were given out already.
 */
export function exportBytes(
  state: string,
  objects: readonly ExportedObject[],
  gzip: boolean,
): AsyncIterable<Uint8Array> {
  const plain = writeTar(filesOf(Buffer.from(state), objects));
  return gzip ? zipped(plain) : plain;
}

function* filesOf(state: Uint8Array, objects: readonly ExportedObject[]): Generator<Entry> {
  const file = (name: string, mode: number, sizeBytes: number, bytes: AsyncIterable<Uint8Array>): Entry => ({
    kind: "file",
    name,
    mode,
    sizeBytes,
    bytes,
    uid: 0,
    gid: 0,
    mtimeSeconds: MTIME_SECONDS,
    xattrs: new Map(),
  });
  yield file("json", STATE_MODE, state.byteLength, once(state));
  for (const object of objects.toSorted((a, b) => (a.digest < b.digest ? -1 : 1))) {
    yield file(`objects/${object.digest}`, OBJECT_MODE, object.sizeBytes, checked(object));
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* checked({ digest, sizeBytes, open }: ExportedObject): AsyncGenerator<Uint8Array> {
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
const zipped = (source: AsyncGenerator<Uint8Array>): AsyncIterable<Uint8Array> =>
  streamOf(source).pipeThrough(new CompressionStream("gzip"));
