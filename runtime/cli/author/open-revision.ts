import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { openPackage } from "../../package/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { type Digest, explainState, limits, parseState, type State } from "../../state/index.ts";

export interface Opened {
  readonly state: State;
  /** Lengths of objects that are at hand. */
  readonly sizes: ReadonlyMap<Digest, number>;
}

/**
 * A revision from wherever it is: a file with its state, an export, a repository, or a revision's folder on a device. The error is a
 * sentence. Objects are looked for and not read.
 */
export async function openRevision(path: string): Promise<Result<Opened, string>> {
  const text = await stateFile(path);
  if (text !== null) return parsed(path, text, new Map());
  const opened = await openPackage(path);
  if (!opened.ok) return opened;
  const { state, objects } = opened.value;
  await opened.value.close();
  const result = parsed(path, state, objects);
  if (!result.ok || objects.size > 0) return result;
  return ok({ ...result.value, sizes: await sizesInPlace(path, result.value.state) });
}

function parsed(path: string, text: string | Uint8Array, sizes: ReadonlyMap<Digest, number>): Result<Opened, string> {
  const state = parseState(text);
  return state.ok ? ok({ state: state.value, sizes }) : err(`${path}: ${explainState(state.error)}`);
}

/** The bytes of a file that begins as JSON does; null: it is something else, and others say what is wrong with it. */
async function stateFile(path: string): Promise<Uint8Array | null> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const info = await file.stat();
    if (!info.isFile()) return null;
    const bytes = Buffer.alloc(Math.min(info.size, limits.stateBytesMax + 1));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    const read = bytes.subarray(0, bytesRead);
    return /^\s*[{[]/.test(read.subarray(0, 64).toString("latin1")) ? read : null;
  } catch (error) {
    if (error instanceof Error && "code" in error) return null;
    throw error;
  }
}

/** On a device a revision's files lie in its folder under their keys. */
async function sizesInPlace(folder: string, { entries }: State): Promise<ReadonlyMap<Digest, number>> {
  const sizes = new Map<Digest, number>();
  for (const entry of entries) {
    if (entry.kind !== "object") continue;
    const info = await lstat(join(folder, entry.key)).catch(() => null);
    if (info?.isFile() === true) sizes.set(entry.digest, info.size);
  }
  return sizes;
}
