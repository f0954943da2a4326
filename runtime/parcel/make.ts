import { open } from "node:fs/promises";
import { applyPatch, explainPatch, makePatch, type PatchFault } from "../patch/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { Digest } from "../state/index.ts";
import { type Disk, type DiskError, explainDiskError, type OpenFile, openStore } from "../store/index.ts";

export interface ParcelWish {
  /** Paths. No base: the object is made from nothing. */
  readonly base: string | null;
  readonly target: string;
  /** Written, and durable when this returns but for its name. */
  readonly out: string;
}

export interface MadeParcel {
  readonly bytes: number;
  readonly digest: Digest;
  /** The object that comes of it. */
  readonly target: Digest;
}

export type MakeFault =
  | { readonly kind: "disk"; readonly error: DiskError }
  | { readonly kind: "patch"; readonly fault: PatchFault }
  /** It was made, tried, and gave something else. */
  | { readonly kind: "wrong"; readonly target: string; readonly why: string };

const WHY = "parcel/make";
const CHUNK_BYTES = 64 << 10;

/** Makes a patch and applies it once, as a device will: a patch that gives wrong bytes would cost every device its way over the link. */
export async function makeParcel(
  disk: Disk,
  { base, target, out }: ParcelWish,
): Promise<Result<MadeParcel, MakeFault>> {
  const { hashing } = openStore(disk, "/");
  const wanted = await hashing.hash(WHY, target);
  if (!wanted.ok) return err({ kind: "disk", error: wanted.error });
  const made = await makePatch({ base, target, out, disk });
  if (!made.ok) return err({ kind: "patch", fault: made.error });
  const tried = await tryOut(disk, base, out, wanted.value.info.sizeBytes);
  if (!tried.ok) return tried;
  if (tried.value !== wanted.value.digest) return err({ kind: "wrong", target, why: `it gives ${tried.value}` });
  const hashed = await hashing.hash(WHY, out);
  if (!hashed.ok) return err({ kind: "disk", error: hashed.error });
  await using file = await open(out);
  await file.sync();
  return ok({ bytes: hashed.value.info.sizeBytes, digest: hashed.value.digest, target: wanted.value.digest });
}

/** SHA-256 of what a patch gives. */
async function tryOut(
  disk: Disk,
  basePath: string | null,
  patchPath: string,
  objectBytes: number,
): Promise<Result<string, MakeFault>> {
  const base = basePath === null ? ok(null) : await disk.open(WHY, basePath);
  if (!base.ok) return err({ kind: "disk", error: base.error });
  const patch = await disk.open(WHY, patchPath);
  if (!patch.ok) return err({ kind: "disk", error: patch.error });
  const hasher = new Bun.CryptoHasher("sha256");
  try {
    const from = base.value;
    const read = from === null ? null : { sizeBytes: from.info.sizeBytes, read: from.read.bind(from) };
    for await (const chunk of applyPatch({ base: read, patch: bytesOf(patch.value), objectBytes }))
      hasher.update(chunk);
    return ok(hasher.digest("hex"));
  } catch (thrown) {
    return err({ kind: "wrong", target: patchPath, why: thrown instanceof Error ? thrown.message : String(thrown) });
  } finally {
    await patch.value.close();
    await base.value?.close();
  }
}

async function* bytesOf(file: OpenFile): AsyncIterable<Uint8Array> {
  for (let at = 0; ; ) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = await file.read(chunk, at);
    if (!count.ok) throw new Error(explainDiskError(count.error));
    if (count.value === 0) return;
    at += count.value;
    yield chunk.subarray(0, count.value);
  }
}

export function explainMake(fault: MakeFault): string {
  switch (fault.kind) {
    case "disk":
      return explainDiskError(fault.error);
    case "patch":
      return `no patch was made: ${explainPatch(fault.fault)}`;
    case "wrong":
      return `a patch for ${fault.target} was made, and is wrong: ${fault.why}`;
  }
}
