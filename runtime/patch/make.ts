import { basename, dirname } from "node:path";
import { err, ok, type Result } from "../result.ts";
import { type Disk, realDisk, writeTemporary } from "../store/index.ts";
import { readPieces, readWhole, sizeOf } from "./contents.ts";
import { findCopies } from "./copies.ts";
import { ofDisk, PatchError, type PatchFault } from "./fault.ts";
import { PatchFile } from "./patch-file.ts";

export interface Making {
  /** Null: the patch needs no base; it is the object, compressed. */
  readonly base: string | null;
  readonly target: string;
  /** Where the patch goes: its folder must be there, an older file is replaced in one step. Never two makers at a time for one. */
  readonly out: string;
  readonly disk?: Disk;
  readonly limits?: MakingLimits;
}

export interface MakingLimits {
  /** Base and target are in memory while copies are looked for; where one is larger the patch is one without a base, which streams. */
  readonly matchedBytesMax: number;
  /** So many bytes of steps, differences and news are packed with all patience: 3 s of processor time for 1 MiB. The rest: half a second. */
  readonly thoroughBytes: number;
}

export const makingLimits: MakingLimits = { matchedBytesMax: 512 << 20, thoroughBytes: 16 << 20 };

const WHY = "patch/make";
const MODE = 0o644;
/** For so long at a stretch the process does nothing else. */
const TURN_MS = 12;

interface Written {
  readonly bytes: number;
  readonly copiedBytes: number;
}

/**
 * Makes a patch that gives `target` from `base`. The same files give the same patch, with the same zlib libraries. Where less than half
 * of the target comes from the base, a patch without one is made, too, and the smaller stays: no patch is larger than the object
 * compressed. Takes the memory of both files and 150 MiB. Errors: `disk`, `changing`; then an older `out` is as it was.
 */
export async function makePatch(making: Making): Promise<Result<{ readonly bytes: number }, PatchFault>> {
  const { base, target, out, disk = realDisk, limits = makingLimits } = making;
  const temporary = `${dirname(out)}/.${basename(out)}.tmp`;
  const plan = { disk, limits, target, temporary };
  return caught(async () => {
    const { bytes } = base === null ? await writePlain(plan) : await writeSmallest({ ...plan, base });
    ofDisk(await disk.rename(WHY, temporary, out));
    ofDisk(await disk.fsync(WHY, dirname(out)));
    return { bytes };
  });
}

/** What is expected to fail is a value for the caller; bugs stay exceptions. */
async function caught<T>(act: () => Promise<T>): Promise<Result<T, PatchFault>> {
  try {
    return ok(await act());
  } catch (thrown) {
    if (thrown instanceof PatchError) return err(thrown.fault);
    throw thrown;
  }
}

interface Plan {
  readonly disk: Disk;
  readonly limits: MakingLimits;
  readonly target: string;
  readonly temporary: string;
}

async function writeSmallest(plan: Plan & { readonly base: string }): Promise<Written> {
  const { disk, base, target, temporary, limits } = plan;
  const largest = Math.max(await sizeOf(disk, WHY, base), await sizeOf(disk, WHY, target));
  if (largest > limits.matchedBytesMax) return writePlain(plan);
  const targetBytes = await readWhole(disk, WHY, target);
  const patched = await writePatched(plan, await readWhole(disk, WHY, base), targetBytes);
  if (2 * patched.copiedBytes >= targetBytes.length) return patched;
  const other = `${temporary}.plain`;
  const plain = await writePlain({ ...plan, temporary: other });
  const isSmaller = plain.bytes < patched.bytes;
  ofDisk(await (isSmaller ? disk.rename(WHY, other, temporary) : disk.unlink(WHY, other)));
  return isSmaller ? plain : patched;
}

const writePlain = (plan: Plan): Promise<Written> =>
  write(plan, async (patch) => {
    await patch.begin(await sizeOf(plan.disk, WHY, plan.target), null);
    await readPieces(plan.disk, WHY, plan.target, (piece) => patch.insert(piece));
    return 0;
  });

const writePatched = (plan: Plan, base: Uint8Array, target: Uint8Array): Promise<Written> =>
  write(plan, async (patch) => {
    await patch.begin(target.length, base.length);
    let [madeBytes, copiedBytes, turnMs] = [0, 0, performance.now()];
    for (const copy of findCopies(base, target)) {
      if (performance.now() - turnMs > TURN_MS) {
        await new Promise(setImmediate);
        turnMs = performance.now();
      }
      if (copy === null) continue;
      await patch.insert(target.subarray(madeBytes, copy.to));
      await patch.copy(base, target, copy);
      madeBytes = copy.to + copy.length;
      copiedBytes += copy.length;
    }
    await patch.insert(target.subarray(madeBytes));
    return copiedBytes;
  });

/** A new file with what `fill` writes, whose value is how many bytes came from a base. */
async function write({ disk, limits, temporary }: Plan, fill: (patch: PatchFile) => Promise<number>): Promise<Written> {
  const written = await writeTemporary(disk, WHY, temporary, MODE, (file) =>
    caught(async () => {
      const patch = new PatchFile(file, limits.thoroughBytes);
      const copiedBytes = await fill(patch);
      await patch.end();
      return { bytes: patch.bytes, copiedBytes };
    }),
  );
  if (written.ok) return written.value;
  throw new PatchError("call" in written.error ? { kind: "disk", error: written.error } : written.error);
}
