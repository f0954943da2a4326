import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import type { Digest } from "../state/index.ts";
import { contents } from "./file-bytes.ts";
import { BadPackage, type Package } from "./model.ts";
import { objectsOf, STATE_BYTES_MAX, stateText } from "./state-objects.ts";

const Config = v.object({ ObjectsDir: v.fallback(v.string(), "") });
const CONFIG_BYTES_MAX = 1 << 20;

/**
 * A folder as `pvr` makes it (reference authoring 1.1): a checkout with `.pvr` in it, `.pvr` itself, or an unpacked export. What counts
 * is the committed state; changes in the working copy that are not committed are not looked at.
 */
export async function openFolder(path: string): Promise<Package> {
  const inner = resolve(path, ".pvr");
  const repository = (await isFolder(inner)) ? inner : resolve(path);
  const state = await text(`${repository}/json`, STATE_BYTES_MAX);
  if (state === null)
    throw new BadPackage("it has neither .pvr/json nor json: is it a pvr checkout or an unpacked export?");
  const folders = [`${repository}/objects`, ...(await configured(repository))];
  const objects = new Map<Digest, number>();
  const places = new Map<Digest, string>();
  const missing: Digest[] = [];
  for (const digest of objectsOf(state)) {
    const found = await find(folders, digest);
    if (found === null) missing.push(digest);
    else {
      objects.set(digest, found.sizeBytes);
      places.set(digest, found.path);
    }
  }
  return {
    state,
    objects,
    missing,
    async each(wanted, take) {
      for (const digest of wanted) {
        const [sizeBytes, place] = [objects.get(digest), places.get(digest)];
        if (sizeBytes === undefined || place === undefined) continue;
        await using file = await openFile(place);
        if (file === null) throw new BadPackage(`object ${digest} went away`);
        if (!(await take({ digest, sizeBytes, bytes: contents(file.handle, sizeBytes) }))) return;
      }
    },
    close: async () => {},
  };
}

/** `ObjectsDir` of `.pvr/config`, where most repositories share their objects; relative ones count from the checkout. */
async function configured(repository: string): Promise<readonly string[]> {
  const config = await text(`${repository}/config`, CONFIG_BYTES_MAX);
  if (config === null) return [];
  try {
    const { ObjectsDir } = v.parse(Config, JSON.parse(config));
    return ObjectsDir === "" ? [] : [resolve(dirname(repository), ObjectsDir)];
  } catch {
    return []; // the objects may lie beside it all the same
  }
}

async function find(folders: readonly string[], digest: Digest): Promise<{ path: string; sizeBytes: number } | null> {
  for (const folder of folders) {
    const path = `${folder}/${digest}`;
    await using file = await openFile(path);
    if (file !== null) return { path, sizeBytes: file.sizeBytes };
  }
  return null;
}

async function text(path: string, bytesMax: number): Promise<string | null> {
  await using file = await openFile(path);
  if (file === null) return null;
  if (file.sizeBytes > bytesMax) throw new BadPackage(`${path} is larger than ${bytesMax} bytes`);
  const parts: Uint8Array[] = [];
  for await (const part of contents(file.handle, file.sizeBytes)) parts.push(part);
  return stateText(Buffer.concat(parts));
}

/** A regular file, never through a link; null: there is none. */
async function openFile(path: string) {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const info = await handle.stat();
    if (info.isFile()) return { handle, sizeBytes: info.size, [Symbol.asyncDispose]: () => handle.close() };
    await handle.close();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw new BadPackage(`${path}: ${String(code ?? error)}`);
    return null;
  }
  throw new BadPackage(`${path} is no file`);
}

const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
