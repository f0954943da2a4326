import type { FileHandle } from "node:fs/promises";
import { quoted } from "../quoted.ts";
import { type Digest, parseDigest } from "../state/index.ts";
import { BadTar, readTar } from "../tar/index.ts";
import { contents, streamOf } from "./file-bytes.ts";
import { BadPackage, type Package, packageLimits } from "./model.ts";
import { objectsOf, STATE_BYTES_MAX, stateText } from "./state-objects.ts";

const GZIP = Buffer.from([0x1f, 0x8b]); // RFC 1952

/**
 * An export (reference authoring 4.1): `json` and `objects/<sha256>` in a tar archive, with gzip or without. It is read to its end
 * before anything is used of it, and again for the objects: an object may stand before the state that names it, and a device must not
 * run half an archive. Names are compared, never opened.
 */
export async function openArchive(file: FileHandle, refuseEscapes: boolean): Promise<Package> {
  let state: string | null = null;
  const found = new Map<Digest, number>();
  for await (const member of unpacked(file)) {
    if (refuseEscapes && escapes(member.name)) {
      throw new BadPackage(`the archive has a name that leads elsewhere, ${quoted(member.name.slice(0, 256))}`);
    }
    const kind = kindOf(member.name);
    if (kind === "state") {
      if (state !== null) throw new BadPackage("the archive has two states");
      state = stateText(await whole(member));
    } else if (kind !== null) {
      const { sizeBytes } = member;
      // An object that two files of the state share stands there twice.
      if ((found.get(kind) ?? sizeBytes) !== sizeBytes) throw new BadPackage(`the archive has two objects ${kind}`);
      found.set(kind, sizeBytes);
    }
  }
  if (state === null) throw new BadPackage("the archive has no state, a file named json: is it an export?");
  const named = objectsOf(state);
  return {
    state,
    objects: new Map([...found].filter(([digest]) => named.has(digest))),
    missing: [...named].filter((digest) => !found.has(digest)),
    async each(wanted, take) {
      const left = new Set(wanted);
      for await (const { name, sizeBytes, bytes } of unpacked(file)) {
        const digest = kindOf(name);
        if (digest === null || digest === "state" || !left.delete(digest)) continue;
        if (!(await take({ digest, sizeBytes, bytes }))) return;
        if (left.size === 0) return;
      }
      if (left.size > 0) throw new BadPackage("the archive was changed while it was read");
    },
    close: () => file.close(),
  };
}

const escapes = (name: string): boolean => name.startsWith("/") || name.split("/").includes("..");

function kindOf(name: string): "state" | Digest | null {
  const plain = name.replace(/^\.\//, "");
  if (plain === "json") return "state";
  return plain.startsWith("objects/") ? parseDigest(plain.slice("objects/".length)) : null;
}

async function whole({ sizeBytes, bytes }: Member): Promise<Uint8Array> {
  if (sizeBytes > STATE_BYTES_MAX) throw new BadPackage(`its state is larger than ${STATE_BYTES_MAX} bytes`);
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

/** A regular file of the archive; its name is to be compared and never to be opened. */
interface Member {
  readonly name: string;
  readonly sizeBytes: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** The files, from the beginning of the archive. gzip is known by its first bytes, as names say anything. */
async function* unpacked(file: FileHandle): AsyncGenerator<Member> {
  const first = Buffer.alloc(GZIP.length);
  await file.read(first, 0, first.length, 0);
  const source = first.equals(GZIP) ? gunzipped(file) : contents(file);
  for await (const member of wellFormed(readTar(source, packageLimits))) {
    if (member.kind === "folder") continue;
    if (member.kind !== "file") {
      const what = member.kind.endsWith("link") ? "a link" : "something that is no file";
      throw new BadPackage(`the archive has ${what}, ${quoted(member.name.slice(0, 256))}, which no export has`);
    }
    yield { name: member.name, sizeBytes: member.sizeBytes, bytes: wellFormed(member.bytes) };
  }
}

/** What is wrong with the archive turns up with its members and in the middle of their bytes. */
async function* wellFormed<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw error instanceof BadTar ? new BadPackage(error.message) : error;
  }
}

/** Refuses what is cut off, damaged or followed by anything that is not gzip. */
async function* gunzipped(file: FileHandle): AsyncGenerator<Uint8Array> {
  const packed = streamOf(contents(file));
  try {
    for await (const chunk of packed.pipeThrough(new DecompressionStream("gzip"))) yield chunk;
  } catch (error) {
    if (error instanceof BadPackage) throw error;
    throw new BadPackage(`unpacking it failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
