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

/** `bytesPerS`: how fast the link was before; null: nobody knows. */
export const newPace = (atMs: number, bytesPerS: number | null = null): Pace => ({
  bytesPerS,
  sinceMs: atMs,
  bytes: 0,
});

/** Long enough to even out bursts. */
const MEASURE_MS = 2_000;
const MEASURE_BYTES = 64 * 1024;
/** The link was away: that says nothing of how fast it is. */
const OUTAGE_MS = 60_000;

/** Waiting begins anew: what was quiet so far says nothing about the link. */
export const started = (pace: Pace, atMs: number): Pace => ({ ...pace, sinceMs: atMs, bytes: 0 });

/** `more` came, and nothing since `quietSinceMs` before. */
export function measured(pace: Pace, more: number, quietSinceMs: number, atMs: number): Pace {
  if (atMs - quietSinceMs > OUTAGE_MS) return started(pace, atMs);
  const { bytesPerS, sinceMs, bytes } = pace;
  const [sum, ms] = [bytes + more, atMs - sinceMs];
  if (ms < MEASURE_MS && sum < MEASURE_BYTES) return { bytesPerS, sinceMs, bytes: sum };
  const now = (sum * 1000) / Math.max(1, ms);
  return { bytesPerS: bytesPerS === null ? now : (bytesPerS + now) / 2, sinceMs: atMs, bytes: 0 };
}

const [DEAR, MIDDLING, CHEAP] = limits.blockBytes;
/** A block that is cut off is lost, so it should not take long; and each block costs a little beside its bytes, so it should not be small. */
const MIDDLING_FROM = MIDDLING / 8;
const CHEAP_FROM = 2 * CHEAP;

/**
 * SO_RCVBUF for a link of this pace, so that it is never idle and no more is on its way than that takes; null: any. What came behind a lost packet
 * only the kernel has until that one comes, too, and a power cut takes it; and what waits in front of a thin link holds up what is sent again.
 */
export function receiveBytesFor({ bytesPerS }: Pick<Pace, "bytesPerS">): number | null {
  if (bytesPerS === null || !isThin({ bytesPerS })) return null;
  return Math.max(RECEIVE_BYTES_MIN, Math.round(bytesPerS * RECEIVE_S));
}

/** The kernel doubles it, and has room for six packets then: with fewer than four, TCP does not see that one is lost. */
const RECEIVE_BYTES_MIN = 8 << 10;
/** Longer than any round trip, so that a link that turns out to be faster is soon known to be. */
const RECEIVE_S = 6;
const THIN_BYTES_PER_S = 8 << 10;

/** It is known that each byte counts. */
export const isThin = ({ bytesPerS }: Pick<Pace, "bytesPerS">): boolean =>
  bytesPerS !== null && bytesPerS < THIN_BYTES_PER_S;

/** On a thin link fewer blocks are asked for at a time, so that what else the hub has to say does not wait for long. */
export function windowFor({ bytesPerS }: Pace, blockBytes: number): number {
  if (bytesPerS === null) return transferLimits.windowBlocks;
  return Math.max(WINDOW_MIN, Math.min(transferLimits.windowBlocks, Math.ceil((bytesPerS * WINDOW_S) / blockBytes)));
}

/** With fewer, requests cost more than a hundredth of what comes. */
const WINDOW_MIN = 8;
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
