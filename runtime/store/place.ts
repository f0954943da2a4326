import { dirname } from "node:path";
import { err, ok, type Result } from "../result.ts";
import type { Digest, Entry, RevisionName, State } from "../state/index.ts";
import { type DiskError, type DiskResult, type NewFile, sameInode } from "./disk.ts";
import { digestOf } from "./hash.ts";
import { inOrder, makeFolders, moveIntoPlace, readFile, replaceFile, unlinkIfThere, writeTemporary } from "./save.ts";
import { objectPath, pvPath, type Store, trailFolder } from "./store.ts";

const WHY = "store/trail";
const MODE = 0o644;
const COPY_CHUNK_BYTES = 256 * 1024;

/** An entry that cannot be made a file: its object is not there, or has wrong bytes. */
export type PlaceError =
  | DiskError
  | { readonly kind: "objectMissing"; readonly key: string; readonly digest: Digest }
  | {
      readonly kind: "objectBad";
      readonly key: string;
      readonly digest: Digest;
      readonly found: Digest;
      readonly sizeBytes: number;
    };

/** `.bind` files are copies, so that a container may write to one without changing the object (reference 1.3). */
export const isCopy = (key: string): boolean => key.endsWith(".bind");

/** The bytes of an inline entry: its source text, not a new rendering of its value. */
export const inlineBytes = ({ text }: State, { slice }: Entry): Uint8Array =>
  new TextEncoder().encode(text.slice(slice.start, slice.end));

/** One temporary name for a trail, in a folder that no key of a state can reach; whoever uses it waits for its turn. */
export const temporaryPath = (store: Store, rev: RevisionName): string => pvPath(store, rev, "install.tmp");

/**
 * Makes the file of an entry, or leaves it alone when it is right already: the object's own inode, a copy with its bytes, the inline
 * text. A wrong file is replaced in one step. The value is the folder that must be fsynced; links and names are not durable before.
 * Whether the linked object has the right bytes is not asked here: validation does, before anything runs.
 */
export function placeEntry(
  store: Store,
  rev: RevisionName,
  state: State,
  entry: Exclude<Entry, { kind: "spec" }>,
): Promise<Result<string, PlaceError>> {
  const { disk } = store;
  const temporary = temporaryPath(store, rev);
  return inOrder(disk, temporary, async () => {
    const folder = await makeFolders(disk, WHY, trailFolder(store, rev), dirname(`/${entry.key}`));
    if (!folder.ok) return folder;
    const path = `${trailFolder(store, rev)}/${entry.key}`;
    const placed =
      entry.kind === "inline"
        ? await placeText(store, path, temporary, inlineBytes(state, entry))
        : isCopy(entry.key)
          ? await placeCopy(store, path, temporary, entry)
          : await placeLink(store, path, temporary, entry);
    return placed.ok ? ok(folder.value) : placed;
  });
}

async function placeText({ disk }: Store, path: string, temporary: string, text: Uint8Array): DiskResult<void> {
  const there = await readFile(disk, WHY, path, text.byteLength);
  if (there.ok && Buffer.compare(there.value, text) === 0) return ok(undefined);
  return replaceFile(disk, WHY, temporary, path, text, MODE);
}

interface ObjectUse {
  readonly key: string;
  readonly digest: Digest;
}

/** Links `path` to the object of `use`. */
export async function placeLink(
  store: Store,
  path: string,
  temporary: string,
  { key, digest }: ObjectUse,
): Promise<Result<void, PlaceError>> {
  const { disk } = store;
  const object = await disk.stat(WHY, objectPath(store, digest));
  if (!object.ok) return object.error.kind === "missing" ? err({ kind: "objectMissing", key, digest }) : object;
  const there = await disk.stat(WHY, path);
  if (there.ok && sameInode(there.value, object.value)) return ok(undefined);
  if (!there.ok) return there.error.kind === "missing" ? disk.link(WHY, objectPath(store, digest), path) : there;
  const fresh = await unlinkIfThere(disk, WHY, temporary);
  if (!fresh.ok) return fresh;
  const linked = await disk.link(WHY, objectPath(store, digest), temporary);
  return linked.ok ? moveIntoPlace(disk, WHY, temporary, path) : linked;
}

async function placeCopy(
  store: Store,
  path: string,
  temporary: string,
  use: ObjectUse,
): Promise<Result<void, PlaceError>> {
  const { disk, hashing } = store;
  const there = await hashing.hash(WHY, path);
  if (there.ok && there.value.digest === use.digest) return ok(undefined);
  const copied = await writeTemporary(disk, WHY, temporary, MODE, (file) => copyObject(store, use, file));
  return copied.ok ? moveIntoPlace(disk, WHY, temporary, path) : copied;
}

/** Copies an object and checks what it copies. */
async function copyObject(store: Store, { key, digest }: ObjectUse, to: NewFile): Promise<Result<void, PlaceError>> {
  const opened = await store.disk.open(WHY, objectPath(store, digest));
  if (!opened.ok) return opened.error.kind === "missing" ? err({ kind: "objectMissing", key, digest }) : opened;
  const hasher = new Bun.CryptoHasher("sha256");
  const chunk = new Uint8Array(COPY_CHUNK_BYTES);
  let sizeBytes = 0;
  const copy = async (): DiskResult<void> => {
    for (;;) {
      const read = await opened.value.read(chunk, sizeBytes);
      if (!read.ok) return read;
      if (read.value === 0) return ok(undefined);
      hasher.update(chunk.subarray(0, read.value));
      const written = await to.write(chunk.subarray(0, read.value));
      if (!written.ok) return written;
      sizeBytes += read.value;
    }
  };
  const copied = await copy();
  const closed = await opened.value.close();
  if (!copied.ok) return copied;
  if (!closed.ok) return closed;
  const found = digestOf(hasher);
  return found === digest ? ok(undefined) : err({ kind: "objectBad", key, digest, found, sizeBytes });
}
