import { limits } from "../wire/index.ts";
import { transferLimits } from "./limits.ts";

/** How fast blocks come, as far as is known. */
export interface Pace {
  /** Null: nothing has come yet. */
  readonly bytesPerS: number | null;
  /** What is being measured: bytes since then. */
  readonly sinceMs: number;
  readonly bytes: number;
}

export const newPace = (atMs: number): Pace => ({ bytesPerS: null, sinceMs: atMs, bytes: 0 });

/** Long enough to even out bursts. */
const MEASURE_MS = 2_000;
const MEASURE_BYTES = 64 * 1024;

/** Waiting begins anew: what was quiet so far says nothing about the link. */
export const started = (pace: Pace, atMs: number): Pace => ({ ...pace, sinceMs: atMs, bytes: 0 });

export function measured({ bytesPerS, sinceMs, bytes }: Pace, more: number, atMs: number): Pace {
  const [sum, ms] = [bytes + more, atMs - sinceMs];
  if (ms < MEASURE_MS && sum < MEASURE_BYTES) return { bytesPerS, sinceMs, bytes: sum };
  const now = (sum * 1000) / Math.max(1, ms);
  return { bytesPerS: bytesPerS === null ? now : (bytesPerS + now) / 2, sinceMs: atMs, bytes: 0 };
}

const [DEAR, MIDDLING, CHEAP] = limits.blockBytes;
/** A block that is cut off is lost, so it should not take long; and each block costs a little beside its bytes, so it should not be small. */
const MIDDLING_FROM = MIDDLING / 8;
const CHEAP_FROM = 2 * CHEAP;

/** On a thin link few blocks are on their way at a time, so that little is lost with it; and some, so that it is never idle. */
export function windowFor({ bytesPerS }: Pace, blockBytes: number): number {
  if (bytesPerS === null) return transferLimits.windowBlocks;
  return Math.max(WINDOW_MIN, Math.min(transferLimits.windowBlocks, Math.ceil((bytesPerS * WINDOW_S) / blockBytes)));
}

const WINDOW_MIN = 4;
const WINDOW_S = 20;

/** The length of blocks for a link of this pace, of which `mostBytes` have room. */
export function blockBytesFor({ bytesPerS }: Pace, mostBytes: number): number {
  const fitting =
    bytesPerS === null || (MIDDLING_FROM <= bytesPerS && bytesPerS < CHEAP_FROM)
      ? MIDDLING
      : bytesPerS < MIDDLING_FROM
        ? DEAR
        : CHEAP;
  return [CHEAP, MIDDLING].find((bytes) => bytes <= Math.min(fitting, mostBytes)) ?? DEAR;
}
