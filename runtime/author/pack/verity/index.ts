/** dm-verity for a packed image: hash tree, and the manifest that a state carries (reference authoring 2.6). */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { err, ok, type Result } from "../../../result.ts";
import { canonical } from "../../../state/index.ts";
import {
  type Disk,
  type DiskError,
  explainDiskError,
  type NewFile,
  saveFile,
  writeTemporary,
} from "../../../store/index.ts";
import { asPackFault, PackError, type PackFault } from "../fault.ts";
import { BLOCK_BYTES, superblock, verityTree } from "./tree.ts";

/** `_dm/<volume>.json` as `pvr dm-convert` writes it. */
export interface VerityManifest {
  readonly type: "dm-verity";
  readonly data_device: string;
  readonly hash_device: string;
  readonly root_hash: string;
  readonly salt: string;
  readonly uuid: string;
}

export interface VerityMade {
  readonly manifest: VerityManifest;
  /** The image's own digest, which was needed on the way. */
  readonly imageDigest: string;
  readonly hashPath: string;
  readonly manifestPath: string;
}

const CHUNK_BYTES = 1 << 20;
const BLOCKS_AT_ONCE = 256;

/**
 * Guards `image`: writes `<image>.hash` and `_dm/<name of the image>.json` beside it, each in one step, the manifest last. Salt and UUID
 * come from the image's digest, so that the same image gives the same bytes. A salt hinders tables of hashes made in advance; one that
 * only who has the image can know does that, and the root hash is protected by the signature, not by the salt.
 */
export async function guardWithVerity(
  disk: Disk,
  image: string,
  signal: AbortSignal | null = null,
): Promise<Result<VerityMade, PackFault>> {
  try {
    const { size } = await stat(image);
    if (size === 0 || size % BLOCK_BYTES !== 0)
      throw new PackError({ kind: "notWholeBlocks", path: image, sizeBytes: size });
    const hasher = new Bun.CryptoHasher("sha256");
    for await (const part of contents(image, signal)) hasher.update(part);
    const imageDigest = hasher.digest("hex");
    const salt = derived("salt", imageDigest);
    const uuid = uuidOf(derived("uuid", imageDigest));

    const tree = verityTree(salt);
    for await (const part of contents(image, signal)) tree.update(part);
    const { dataBlocks, rootHash, levels } = tree.finish();
    const hashPath = `${image}.hash`;
    await writeBlocks(disk, hashPath, [superblock({ uuid, salt, dataBlocks }), ...levels.flat()]);
    const name = basename(image);
    const manifest: VerityManifest = {
      type: "dm-verity",
      data_device: name,
      hash_device: `${name}.hash`,
      root_hash: rootHash,
      salt: Buffer.from(salt).toString("hex"),
      uuid,
    };
    const manifestPath = join(dirname(image), "_dm", `${name}.json`);
    done(await saveFile(disk, "pack/verity", manifestPath, Buffer.from(canonical({ ...manifest }))));
    return ok({ manifest, imageDigest, hashPath, manifestPath });
  } catch (thrown) {
    const fault = asPackFault(thrown, "making the hash tree of", image);
    if (fault === null) throw thrown;
    return err(fault);
  }
}

const derived = (purpose: "salt" | "uuid", imageDigest: string): Uint8Array =>
  new Bun.CryptoHasher("sha256").update(`cairn verity ${purpose}\n${imageDigest}\n`).digest();

/** Version 8, made by a method of one's own (RFC 9562, 5.8). */
function uuidOf(bytes: Uint8Array): string {
  const own = Buffer.from(bytes.subarray(0, 16));
  own[6] = ((own[6] ?? 0) & 0x0f) | 0x80;
  own[8] = ((own[8] ?? 0) & 0x3f) | 0x80;
  return own.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

async function* contents(path: string, signal: AbortSignal | null): AsyncGenerator<Uint8Array> {
  for await (const part of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    signal?.throwIfAborted();
    yield part;
  }
}

async function writeBlocks(disk: Disk, path: string, blocks: readonly Uint8Array[]): Promise<void> {
  const [folder, why] = [dirname(path), "pack/verity"];
  const temporary = join(folder, `.${basename(path)}.tmp`);
  const fill = async (file: NewFile): Promise<Result<void, DiskError>> => {
    for (let at = 0; at < blocks.length; at += BLOCKS_AT_ONCE) {
      const written = await file.write(Buffer.concat(blocks.slice(at, at + BLOCKS_AT_ONCE)));
      if (!written.ok) return written;
    }
    return ok(undefined);
  };
  done(await writeTemporary(disk, why, temporary, 0o644, fill));
  done(await disk.rename(why, temporary, path));
  done(await disk.fsync(why, folder));
}

/** Throws what a disk says. */
function done(result: Result<unknown, DiskError>): void {
  if (result.ok) return;
  const { path, code } = result.error;
  throw new PackError({ kind: "io", what: explainDiskError(result.error), path, code });
}
