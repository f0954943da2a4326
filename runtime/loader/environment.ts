import { err, ok, type Result } from "../result.ts";
import type { DiskError } from "../store/index.ts";
import type { Area } from "./area.ts";
import { diskFailed, type EnvFile, onDisk, readEnv, replaceEnv } from "./env-file.ts";
import type { LoaderError, LoaderResult } from "./model.ts";
import { currentCopy, decodeCopy, encodeCopy, flagsOf } from "./uboot-binary.ts";
import { stateIn, type Variables } from "./variables.ts";

/** Where a boot loader keeps its variables. */
export interface Environment {
  readonly path: string;
  read(): LoaderResult<Variables>;
  /** One atomic step. */
  write(variables: Variables): LoaderResult<void>;
}

/** Variables in a file that is replaced whole. One whose revisions are none counts as unreadable, and so the spare stands in for it. */
export function fileEnvironment({ disk, path, format }: EnvFile<Variables>): Environment {
  const decode = (bytes: Uint8Array): Result<Variables, string> => {
    const decoded = format.decode(bytes);
    const state = decoded.ok ? stateIn(decoded.value) : decoded;
    return state.ok ? decoded : state;
  };
  const file: EnvFile<Variables> = { disk, path, format: { ...format, decode } };
  return { path, read: () => readEnv(file), write: (variables) => replaceEnv(file, variables) };
}

/** The two places of U-Boot's redundant environment, in U-Boot's order. */
export type Pair = readonly [Area, Area];

interface Copies {
  /** The one that U-Boot takes. */
  readonly bytes: Uint8Array;
  /** The other one's place. */
  readonly stale: Area;
}

const readCopy = (area: Area): Promise<Result<Uint8Array, DiskError>> => area.read(0, area.sizeBytes);

async function readCopies(pair: Pair): Promise<Result<Copies, LoaderError>> {
  const [first, second] = [await readCopy(pair[0]), await readCopy(pair[1])];
  const current = currentCopy(first.ok ? first.value : null, second.ok ? second.value : null);
  if (current === 0 && first.ok) return ok({ bytes: first.value, stale: pair[1] });
  if (current === 1 && second.ok) return ok({ bytes: second.value, stale: pair[0] });
  if (!first.ok && !second.ok) return diskFailed(first.error);
  // U-Boot runs on its built-in variables then. Our copy would replace all of them with two of ours: only U-Boot can write the first one.
  const problem = "no copy's checksum holds; if it was never saved, run saveenv in U-Boot once";
  return err({ kind: "unreadable", path: pair[0].path, problem });
}

/** U-Boot's redundant environment on raw storage. Only the copy that U-Boot does not take is written, so one always holds. */
export function pairEnvironment(pair: Pair): Environment {
  const [{ path, sizeBytes }] = pair;
  const write = async (variables: Variables): LoaderResult<void> => {
    const copies = await readCopies(pair);
    if (!copies.ok) return copies;
    const { bytes, stale } = copies.value;
    const next = encodeCopy(variables, sizeBytes, flagsOf(bytes) + 1);
    if (!next.ok) return err({ ...next.error, path });
    const written = await stale.write(0, next.value);
    if (!written.ok) return diskFailed(written.error);
    const back = onDisk(await readCopy(stale));
    if (!back.ok) return back;
    if (Buffer.compare(back.value, next.value) === 0) return ok(undefined);
    return err({ kind: "notWritten", path: stale.path, problem: "its bytes differ" });
  };
  const read = async (): LoaderResult<Variables> => {
    const copies = await readCopies(pair);
    if (!copies.ok) return copies;
    const decoded = decodeCopy(copies.value.bytes);
    if (!decoded.ok) return err({ kind: "unreadable", path, problem: decoded.error });
    const state = stateIn(decoded.value);
    return state.ok ? decoded : err({ kind: "unreadable", path, problem: state.error });
  };
  return { path, read, write };
}
