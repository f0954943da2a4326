import { basename, dirname } from "node:path";
import { err, ok, type Result } from "../result.ts";
import type { Digest, Entry, State } from "../state/index.ts";
import { bootFiles } from "./boot-files.ts";
import type { DiskError } from "./disk.ts";
import { filesOf } from "./install.ts";
import { objectInfo } from "./objects.ts";
import { inlineBytes, isCopy } from "./place.ts";
import { fileBytes, folderBytes } from "./space.ts";
import type { Store } from "./store.ts";

/** The source did not say how long this object is, and it is not in the store. */
export interface SizeUnknown {
  readonly kind: "sizeUnknown";
  readonly digest: Digest;
}

/** State text, pvr's configuration, and each record with its temporary file: progress, done, previous, boots, commitmsg. */
const RECORDS = 12;
const RECORD_BYTES = 8192;
/** The trail's folder and those in it that the runtime makes, those of its logs and storage; names in them are short. */
const RUNTIME_FOLDERS = 8;

/**
 * What storing the missing objects of a state and installing it will take of the disk, in bytes: objects that are not in the store, by
 * the sizes that their source gave, `.bind` copies, inline JSON, folders, boot file links, records. Every file is counted in whole
 * blocks. An estimate on the high side: it does not look for what an earlier attempt installed already, and takes an object of another
 * size than the source says for missing. Not in it: what containers write, what a boot loader keeps outside the trail.
 */
export async function neededBytes(
  store: Store,
  state: State,
  sizes: ReadonlyMap<Digest, number>,
): Promise<Result<number, DiskError | SizeUnknown>> {
  const objects = await sizesOf(store, state, sizes);
  if (!objects.ok) return objects;
  let bytes = RECORDS * fileBytes(RECORD_BYTES) + 2 * fileBytes(Buffer.byteLength(state.text));
  for (const { sizeBytes, missing } of objects.value.values()) if (missing) bytes += fileBytes(sizeBytes);
  for (const entry of filesOf(state)) bytes += ownBytes(state, entry, objects.value);
  return ok(bytes + foldersBytes(state));
}

interface ObjectSize {
  readonly sizeBytes: number;
  readonly missing: boolean;
}

async function sizesOf(
  store: Store,
  { entries }: State,
  sizes: ReadonlyMap<Digest, number>,
): Promise<Result<ReadonlyMap<Digest, ObjectSize>, DiskError | SizeUnknown>> {
  const found = new Map<Digest, ObjectSize>();
  for (const entry of entries) {
    if (entry.kind !== "object" || found.has(entry.digest)) continue;
    const { digest } = entry;
    const there = await objectInfo(store, digest);
    if (!there.ok) return there;
    const sizeBytes = sizes.get(digest) ?? there.value?.sizeBytes;
    if (sizeBytes === undefined) return err({ kind: "sizeUnknown", digest });
    found.set(digest, { sizeBytes, missing: there.value?.sizeBytes !== sizeBytes });
  }
  return ok(found);
}

/** What a file of the trail takes beside its object: nothing when it is a link. */
function ownBytes(
  state: State,
  entry: Exclude<Entry, { kind: "spec" }>,
  objects: ReadonlyMap<Digest, ObjectSize>,
): number {
  if (entry.kind === "inline") return fileBytes(inlineBytes(state, entry).byteLength);
  return isCopy(entry.key) ? fileBytes(objects.get(entry.digest)?.sizeBytes ?? 0) : 0;
}

function foldersBytes(state: State): number {
  const names = new Map<string, number[]>();
  const enter = (path: string): void => {
    const folder = dirname(path);
    const inFolder = names.get(folder) ?? [];
    if (inFolder.length === 0 && folder !== ".") enter(folder);
    inFolder.push(Buffer.byteLength(basename(path)));
    names.set(folder, inFolder);
  };
  for (const { key } of filesOf(state)) enter(key);
  for (const { name } of state.bsp === null ? [] : bootFiles(state.bsp)) enter(`.pv/${name}`);
  let bytes = RUNTIME_FOLDERS * folderBytes([]);
  for (const inFolder of names.values()) bytes += folderBytes(inFolder);
  // Each new object has a name in objects/, too: 64 digits, and 4 more while it arrives.
  return bytes + folderBytes(state.entries.flatMap(({ kind }) => (kind === "object" ? [68] : [])));
}
