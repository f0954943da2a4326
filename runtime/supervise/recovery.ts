/** What happens to a container that ended by itself (reference 2.8, 3.6). */
import type { Recovery, RunEnd } from "./model.ts";

/** The factor never pushes a delay above an hour. A longer `retry_delay` stands: somebody asked for it. */
const backoffCapMs = 3_600_000;

export type Verdict =
  /** Start it again; `retry` counts from 1. */
  | { readonly kind: "retry"; readonly retry: number; readonly delayMs: number }
  /** It did its job. */
  | { readonly kind: "finished" }
  /** Retries used up: start over after a pause, with new retries. */
  | { readonly kind: "pause"; readonly delayMs: number }
  /** Retries used up: leave it. */
  | { readonly kind: "leave" }
  /** No recovery, or retries used up and the revision shall fail. */
  | { readonly kind: "fail" };

/** The last run: retries that led to it, and how long its process ran, 0 when there was none. */
export interface LastRun {
  readonly end: RunEnd;
  readonly retries: number;
  readonly uptimeMs: number;
}

/**
 * A run that never began (mount or start failed) is recovered like one that crashed: whether a broken init shows as a
 * failed start or as an early exit depends on timing alone. `always` and `unless-stopped` differ from `on-failure`
 * only after exit code 0, and not at all from each other, because a stop by the user is no end by itself and is not
 * remembered over a boot.
 */
export function judge(recovery: Recovery | null, { end, retries, uptimeMs }: LastRun): Verdict {
  if (recovery === null) return { kind: "fail" };
  if (recovery.policy === "on-failure" && end.kind === "exit" && end.code === 0) return { kind: "finished" };
  const used = recovery.resetWindowMs > 0 && uptimeMs > recovery.resetWindowMs ? 0 : retries;
  if (recovery.maxRetries === 0 || used < recovery.maxRetries) {
    return { kind: "retry", retry: used + 1, delayMs: delayMs(recovery, used + 1) };
  }
  switch (recovery.backoffPolicy.kind) {
    case "reboot":
      return { kind: "fail" };
    case "never":
      return { kind: "leave" };
    case "wait":
      return { kind: "pause", delayMs: recovery.backoffPolicy.ms };
  }
}

/** `retry_delay × backoff_factor^(retry - 1)`, in whole milliseconds, see {@link backoffCapMs}. */
export function delayMs({ retryDelayMs, backoffFactor }: Recovery, retry: number): number {
  if (retryDelayMs === 0) return 0; // 0 × Infinity is not a delay
  return Math.min(Math.round(retryDelayMs * backoffFactor ** (retry - 1)), Math.max(retryDelayMs, backoffCapMs));
}
