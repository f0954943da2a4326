import { basename, dirname, resolve } from "node:path";
import { BadPackage, type ExportedObject, exportBytes } from "../../package/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { writeTemporary } from "../../store/index.ts";
import { objectsIn, onlyParts, type Revision, revisionText } from "../document/index.ts";
import { fileBytes, findObject, ReadFailed, type Repository, readState } from "../repository/index.ts";
import type { TransferError } from "./fault.ts";
import { isPacked } from "./parse.ts";

const WHY = "author/export";
const MODE = 0o644;

export interface Exported {
  readonly objects: number;
  readonly bytes: number;
}

/** The committed state, or parts of it, as an archive (reference authoring 4.1), in one step: the file is complete or not there. */
export async function exportFile(
  repository: Repository,
  parts: readonly string[],
  path: string,
): Promise<Result<Exported, TransferError>> {
  const packed = await pack(repository, parts, isPacked(path));
  if (!packed.ok) return packed;
  const { disk } = repository;
  const full = resolve(path);
  const temporary = `${dirname(full)}/.${basename(full)}.tmp`;
  const written = await writeTemporary(disk, WHY, temporary, MODE, async (file) => {
    let failed: TransferError | null = null;
    const streamed = await stream(packed.value.bytes, async (chunk) => {
      const done = await file.write(chunk);
      if (!done.ok) failed = done.error;
      return done.ok;
    });
    return failed === null ? streamed : err<TransferError>(failed);
  });
  if (!written.ok) return written;
  const moved = await disk.rename(WHY, temporary, full);
  if (!moved.ok) return moved;
  const kept = await disk.fsync(WHY, dirname(full));
  return kept.ok ? ok({ objects: packed.value.objects, bytes: written.value }) : kept;
}

/** The same, handed out as it is made. What was handed out before an error is of no use. */
export async function exportStream(
  repository: Repository,
  parts: readonly string[],
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<Result<Exported, TransferError>> {
  const packed = await pack(repository, parts, false);
  if (!packed.ok) return packed;
  const streamed = await stream(packed.value.bytes, async (chunk) => {
    await write(chunk);
    return true;
  });
  return streamed.ok ? ok({ objects: packed.value.objects, bytes: streamed.value }) : streamed;
}

async function stream(
  bytes: AsyncIterable<Uint8Array>,
  take: (chunk: Uint8Array) => Promise<boolean>,
): Promise<Result<number, TransferError>> {
  let sum = 0;
  try {
    for await (const chunk of bytes) {
      if (!(await take(chunk))) break;
      sum += chunk.byteLength;
    }
    return ok(sum);
  } catch (thrown) {
    if (thrown instanceof ReadFailed) return err(thrown.error);
    if (thrown instanceof BadPackage) return err({ kind: "badPackage", problem: thrown.message });
    throw thrown;
  }
}

interface Packed {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly objects: number;
}

async function pack(
  repository: Repository,
  parts: readonly string[],
  gzip: boolean,
): Promise<Result<Packed, TransferError>> {
  const state = await readState(repository);
  if (!state.ok) return state;
  const chosen: Result<Revision, TransferError> = parts.length === 0 ? state : onlyParts(state.value, parts);
  if (!chosen.ok) return chosen;
  const objects: ExportedObject[] = [];
  for (const digest of objectsIn(chosen.value)) {
    const found = await findObject(repository, digest);
    if (!found.ok) return found;
    const { path, sizeBytes } = found.value;
    objects.push({ digest, sizeBytes, open: () => fileBytes(repository, path) });
  }
  return ok({ bytes: exportBytes(revisionText(chosen.value), objects, gzip), objects: objects.length });
}
