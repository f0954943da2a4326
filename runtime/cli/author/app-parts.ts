/** Parts of other repositories and exports, for `cairn app add --type pvr`. */
import { join } from "node:path";
import type { Parts } from "../../author/app/index.ts";
import { digestIn, laidOut, partsOf, type Revision } from "../../author/document/index.ts";
import { explainReference, openSource } from "../../author/reference/index.ts";
import { BadPackage, type Package, type PackedObject } from "../../package/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Digest } from "../../state/index.ts";
import { type Disk, explainDiskError, makeFolders, realDisk, saveFile, writeTemporary } from "../../store/index.ts";

const WHY = "author/part";

export const openParts = (signal: AbortSignal): Parts => ({
  async unpack(reference, folder) {
    const source = await openSource(reference);
    if (!source.ok) return err(explainReference(source.error));
    const { revision, selection, parcel, path } = source.value;
    try {
      const [part, ...more] = selection.take;
      if (part === undefined || part.includes("/") || more.length + selection.drop.length > 0)
        return err(`behind the path, "#" and one part are wanted; there is ${partsOf(revision).join(", ")}`);
      const files = filesOf(revision, part);
      if (files.length === 0) return err(`${path} has no part ${part}; there is ${partsOf(revision).join(", ")}`);
      const written = await writeFiles(revision, part, files, parcel, { folder, signal });
      return written.ok ? ok(part) : written;
    } finally {
      await parcel.close();
    }
  },
});

const filesOf = (revision: Revision, part: string): readonly string[] =>
  [...revision.keys()].filter((key) => key.startsWith(`${part}/`)).map((key) => key.slice(part.length + 1));

interface Into {
  readonly folder: string;
  readonly signal: AbortSignal;
}

async function writeFiles(
  revision: Revision,
  part: string,
  files: readonly string[],
  parcel: Package,
  { folder, signal }: Into,
): Promise<Result<void, string>> {
  const wanted = new Map<Digest, string[]>();
  for (const file of files) {
    const value = revision.get(`${part}/${file}`);
    const digest = digestIn(value);
    if (digest !== null) wanted.set(digest, [...(wanted.get(digest) ?? []), file]);
    else if (value !== undefined) {
      const saved = await saveFile(realDisk, WHY, join(folder, file), Buffer.from(laidOut(value, "    ")));
      if (!saved.ok) return err(explainDiskError(saved.error));
    }
  }
  const away = [...wanted.keys()].filter((digest) => !parcel.objects.has(digest));
  if (away.length > 0)
    return err(`its object ${away[0]} is not there${away.length > 1 ? `, nor are ${away.length - 1} more` : ""}`);
  let failed: string | null = null;
  try {
    await parcel.each(new Set(wanted.keys()), async (object) => {
      for (const file of wanted.get(object.digest)?.slice(0, 1) ?? [])
        failed ??= await writeObject(realDisk, folder, file, object, signal);
      return failed === null;
    });
  } catch (thrown) {
    if (!(thrown instanceof BadPackage)) throw thrown;
    return err(thrown.message);
  }
  if (failed !== null) return err(failed);
  for (const [first, ...others] of wanted.values()) {
    for (const file of others) {
      const linked = await linkBeside(realDisk, folder, first ?? "", file);
      if (linked !== null) return err(linked);
    }
  }
  return ok(undefined);
}

/** What went wrong, or null. The bytes count once their digest is the one that the state names. */
async function writeObject(
  disk: Disk,
  folder: string,
  file: string,
  { digest, bytes }: PackedObject,
  signal: AbortSignal,
): Promise<string | null> {
  const path = await placeFor(disk, folder, file);
  if (!path.ok) return path.error;
  const hasher = new Bun.CryptoHasher("sha256");
  const written = await writeTemporary(disk, WHY, path.value, 0o644, async (target) => {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      hasher.update(chunk);
      const done = await target.write(chunk);
      if (!done.ok) return done;
    }
    return ok(undefined);
  });
  if (!written.ok) return explainDiskError(written.error);
  const found = hasher.digest("hex");
  return found === digest ? null : `object ${digest} has wrong bytes (SHA-256 ${found})`;
}

async function placeFor(disk: Disk, folder: string, file: string): Promise<Result<string, string>> {
  const slash = file.lastIndexOf("/");
  const made = slash < 0 ? ok(folder) : await makeFolders(disk, WHY, folder, file.slice(0, slash));
  return made.ok ? ok(`${made.value}/${file.slice(slash + 1)}`) : err(explainDiskError(made.error));
}

/** One more name for a file that is there. */
async function linkBeside(disk: Disk, folder: string, first: string, file: string): Promise<string | null> {
  const path = await placeFor(disk, folder, file);
  if (!path.ok) return path.error;
  const gone = await disk.unlink(WHY, path.value);
  if (!gone.ok && gone.error.kind !== "missing") return explainDiskError(gone.error);
  const linked = await disk.link(WHY, join(folder, first), path.value);
  return linked.ok ? null : explainDiskError(linked.error);
}
