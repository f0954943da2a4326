/** A root file system becomes one file that a device mounts. The same tree gives the same bytes, whoever packs it where. */
import { constants, createReadStream } from "node:fs";
import { chmod, mkdtemp, open, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { err, invariant, ok, type Result } from "../../result.ts";
import { type Digest, parseDigest } from "../../state/index.ts";
import { type Disk, explainDiskError } from "../../store/index.ts";
import { asPackFault, PackError, type PackFault } from "./fault.ts";
import { type Compressor, type Format, make } from "./make.ts";
import type { Report, Tree } from "./tree.ts";

export { explainPack, type PackFault } from "./fault.ts";
export { type Compressor, compressors, type Format, formats } from "./make.ts";
export type { Report, Tree } from "./tree.ts";
export { guardWithVerity, type VerityMade, type VerityManifest } from "./verity/index.ts";

export interface PackOptions {
  readonly output: string;
  readonly format: Format;
  /** Of squashfs; EROFS has lz4hc. `xz` is what `pvr` takes, and every kernel of its devices reads it. */
  readonly compressor?: Compressor;
  /** Keeps the times of files that the tree has; otherwise they must be 0 there. */
  readonly keepTimes?: boolean;
  /** Where temporary files go, about as large as the tree. */
  readonly scratchFolder: string;
  readonly signal?: AbortSignal | null;
  readonly report?: Report;
}

export interface Packed {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/**
 * Packs the tree into `output`, which is replaced in one step when all is done. Takes no more rights than the user's. What `tree` throws
 * while it is read passes through.
 */
export async function pack(disk: Disk, tree: Tree, options: PackOptions): Promise<Result<Packed, PackFault>> {
  const { format, compressor = "xz", keepTimes = false, signal = null, report = () => {} } = options;
  const output = resolve(options.output);
  const temporary = join(dirname(output), `.${basename(output)}.tmp`);
  let scratch: string | null = null;
  try {
    await rm(temporary, { force: true }); // what an earlier run left that was killed
    scratch = await mkdtemp(join(options.scratchFolder, "cairn-pack-"));
    await make({ tree, output: temporary, format, compressor, scratch, keepTimes, signal, report });
    await chmod(temporary, 0o644);
    const [packed] = await Promise.all([measured(temporary, signal), synced(temporary)]);
    await putInPlace(disk, temporary, output);
    return ok(packed);
  } catch (thrown) {
    await rm(temporary, { force: true });
    const fault = asPackFault(thrown, "packing", output);
    if (fault === null) throw thrown;
    return err(fault);
  } finally {
    if (scratch !== null) await rm(scratch, { recursive: true, force: true });
  }
}

async function measured(path: string, signal: AbortSignal | null): Promise<Packed> {
  const hasher = new Bun.CryptoHasher("sha256");
  let sizeBytes = 0;
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) {
    signal?.throwIfAborted();
    sizeBytes += part.byteLength;
    hasher.update(part);
  }
  const digest = parseDigest(hasher.digest("hex"));
  invariant(digest !== null, "SHA-256 in hex is a digest");
  return { digest, sizeBytes };
}

/** Another program wrote it, so nothing says yet that it is on the disk. */
async function synced(path: string): Promise<void> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  await file.sync();
}

async function putInPlace(disk: Disk, temporary: string, output: string): Promise<void> {
  const moved = await disk.rename("pack/image", temporary, output);
  const kept = moved.ok ? await disk.fsync("pack/image", dirname(output)) : moved;
  if (kept.ok) return;
  const { path, code } = kept.error;
  throw new PackError({ kind: "io", what: explainDiskError(kept.error), path, code });
}
