import type { KeptPosition } from "./kernel.ts";

/** Which file was read, and how far. */
export interface Position {
  readonly dev: number;
  readonly ino: number;
  readonly bytes: number;
}

/** A followed file as it is now. */
export interface SeenFile {
  readonly dev: number;
  readonly ino: number;
  readonly sizeBytes: number;
  readonly kept: KeptPosition;
}

export interface ReadPlan {
  readonly fromBytes: number;
  /** What is left out because there is too much of it. */
  readonly skippedBytes: number;
}

/** So much is always read, however small `maxsize` is: a burst between two looks is no backlog. */
const BACKLOG_BYTES_MIN = 256 * 1024;

export const isSame = (
  a: { readonly dev: number; readonly ino: number },
  b: { readonly dev: number; readonly ino: number },
) => a.dev === b.dev && a.ino === b.ino;

/**
 * Where to go on reading. What is kept with the file itself wins over memory: after a container's restart a new file may have the
 * old one's device and inode numbers. A file that is shorter than what was read of it was truncated, and is read from its start.
 * More than `maxBytes` ahead is skipped up to its last `maxBytes`: a container cannot make us copy what its author did not allow
 * it to keep.
 */
export function planRead(last: Position | null, seen: SeenFile, maxBytes: number): ReadPlan {
  const remembered = last !== null && isSame(last, seen) ? last.bytes : 0;
  const known = seen.kept.kind === "at" ? seen.kept.bytes : seen.kept.kind === "none" ? 0 : remembered;
  const fromBytes = known > seen.sizeBytes ? 0 : known;
  const skippedBytes = Math.max(0, seen.sizeBytes - fromBytes - Math.max(maxBytes, BACKLOG_BYTES_MIN));
  return { fromBytes: fromBytes + skippedBytes, skippedBytes };
}
