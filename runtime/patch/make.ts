import { basename, dirname } from "node:path";
import { err, ok, type Result } from "../result.ts";
import { type Disk, realDisk, writeTemporary } from "../store/index.ts";
import { readPieces, readWhole, sizeOf } from "./contents.ts";
import { type Copy, findCopies } from "./copies.ts";
import { ofDisk, PatchError, type PatchFault } from "./fault.ts";
import { PatchFile } from "./patch-file.ts";
import { findShifts, type Shift, shiftWords } from "./shifts.ts";

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
 * compressed. Takes the memory of both files and 400 MiB at most. Errors: `disk`, `changing`; then an older `out` is as it was.
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
  const { disk, base, target, limits } = plan;
  const largest = Math.max(await sizeOf(disk, WHY, base), await sizeOf(disk, WHY, target));
  if (largest > limits.matchedBytesMax) return writePlain(plan);
  const targetBytes = await readWhole(disk, WHY, target);
  const patched = await writePatched(plan, await readWhole(disk, WHY, base), targetBytes);
  if (2 * patched.copiedBytes >= targetBytes.length) return patched;
  return smaller(plan, patched, writePlain);
}

/** What is there, or another one in its place. */
async function smaller(plan: Plan, there: Written, make: (plan: Plan) => Promise<Written>): Promise<Written> {
  const { disk, temporary } = plan;
  const path = `${temporary}.other`;
  const other = await make({ ...plan, temporary: path });
  const isSmaller = other.bytes < there.bytes;
  ofDisk(await (isSmaller ? disk.rename(WHY, path, temporary) : disk.unlink(WHY, path)));
  return isSmaller ? other : there;
}

const writePlain = (plan: Plan): Promise<Written> =>
  write(plan, async (patch) => {
    await patch.begin(await sizeOf(plan.disk, WHY, plan.target), null);
    await readPieces(plan.disk, WHY, plan.target, (piece) => patch.insert(piece));
    return 0;
  });

/** With the base as it is, or as shifts make it when that makes it smaller; `base` is not what it was afterwards. */
async function writePatched(plan: Plan, base: Uint8Array, target: Uint8Array): Promise<Written> {
  const copies = await copiesOf(base, target);
  const shifts = findShifts(base, target, copies);
  const patched = await writeCopies(plan, base, target, copies, []);
  if (shifts.length === 0) return patched;
  shiftWords(base, 0, shifts);
  return smaller(plan, patched, async (other) =>
    writeCopies(other, base, target, await copiesOf(base, target), shifts),
  );
}

function writeCopies(
  plan: Plan,
  base: Uint8Array,
  target: Uint8Array,
  copies: readonly Copy[],
  shifts: readonly Shift[],
): Promise<Written> {
  return write(plan, async (patch) => {
    await patch.begin(target.length, base.length, shifts);
    let [madeBytes, copiedBytes] = [0, 0];
    for (const copy of copies) {
      await patch.insert(target.subarray(madeBytes, copy.to));
      await patch.copy(base, target, copy);
      madeBytes = copy.to + copy.length;
      copiedBytes += copy.length;
    }
    await patch.insert(target.subarray(madeBytes));
    return copiedBytes;
  });
}

async function copiesOf(base: Uint8Array, target: Uint8Array): Promise<readonly Copy[]> {
  const copies: Copy[] = [];
  let turnMs = performance.now();
  for (const copy of findCopies(base, target)) {
    if (performance.now() - turnMs > TURN_MS) {
      await new Promise(setImmediate);
      turnMs = performance.now();
    }
    if (copy !== null) copies.push(copy);
  }
  return copies;
}

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
