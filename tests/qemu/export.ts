/** Revisions on their way to a device: what `pvr export` gives, unpacked, on the storage partition. */
import { link, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOfPart, type Part } from "./container.ts";
import { sha256OfFile } from "./host.ts";
import type { Revision } from "./revision.ts";

/** Where a device finds what {@link bringAlong} put there. */
export const incoming = (name: string): string => `/storage/incoming/${name}`;

/**
 * For `DiskSpec.prepare`: lays exports below `/storage/incoming`. Objects that the device has already, those of `known`, are left out, as
 * an author's export of the difference leaves them out.
 */
export function bringAlong(exports: Readonly<Record<string, Revision>>, known: Revision) {
  return async (storage: string): Promise<void> => {
    const there = new Set(await Promise.all([...known.parts.values()].map(digestOf)));
    for (const [name, { state, parts }] of Object.entries(exports)) {
      const folder = join(storage, "incoming", name);
      await mkdir(join(folder, "objects"), { recursive: true });
      await writeFile(join(folder, "json"), state);
      const placed = new Set<string>();
      for (const part of parts.values()) {
        const digest = await digestOf(part);
        if (digest === null || there.has(digest) || placed.has(digest)) continue;
        placed.add(digest);
        const object = join(folder, "objects", digest);
        await ("file" in part ? link(part.file, object) : "bytes" in part ? writeFile(object, part.bytes) : undefined);
      }
    }
  };
}

const digests = new Map<string, Promise<string>>();
const digestOf = (part: Part): Promise<string | null> =>
  digestOfPart(part, (file) => {
    const known = digests.get(file) ?? sha256OfFile(file);
    digests.set(file, known);
    return known;
  });
