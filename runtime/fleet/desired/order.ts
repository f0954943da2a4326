import type { Phase } from "../terms/index.ts";
import type { Desired } from "../wire/index.ts";

/** What the hub wants of this device, as the device keeps it. */
export interface Order {
  readonly desired: Desired;
  /** What came of it; null: nothing yet. */
  readonly verdict: Verdict | null;
}

export const verdicts = ["done", "error", "wontgo"] as const satisfies readonly Phase[];
export type Verdict = (typeof verdicts)[number];

export const isVerdict = (phase: Phase): phase is Verdict => verdicts.some((verdict) => verdict === phase);

/** Is one that came newer than the one that is kept? Its sequence says so, and nothing else. */
export const isNewer = (kept: Order | null, came: Desired): boolean =>
  kept === null || came.sequence > kept.desired.sequence;

/** Before that, the clock is of a device that has none. */
const CLOCK_FROM_MS = Date.UTC(2025, 0, 1);

export const clockIsKnown = (wallMs: number): boolean => wallMs >= CLOCK_FROM_MS;

/** When an order may be begun: `now`, not before a time, or not any more. Who has no clock cannot tell. */
export type Due = { readonly kind: "now" | "expired" } | { readonly kind: "later"; readonly atMs: number };

export function due({ notBefore, expiry }: Desired, wallMs: number): Due {
  if (!clockIsKnown(wallMs)) return { kind: "now" };
  if (expiry !== null && wallMs >= expiry * 1000) return { kind: "expired" };
  if (notBefore !== null && wallMs < notBefore * 1000) return { kind: "later", atMs: notBefore * 1000 };
  return { kind: "now" };
}
