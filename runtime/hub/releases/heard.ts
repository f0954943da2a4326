import type { DeviceId } from "../../fleet/terms/index.ts";
import type { DeviceState, Progress } from "../../fleet/wire/index.ts";
import type { KeptOrder, ReleaseRecords } from "../database/index.ts";

/** What a device says of its orders, kept with them. */
export interface OrderReports {
  /** `beforeMs`: when it reported last before this, in milliseconds since 1970; null: never. */
  state(device: DeviceId, state: DeviceState, beforeMs: number | null): Promise<void>;
  /** False: it was given no such order. */
  progress(device: DeviceId, progress: Progress): Promise<boolean>;
}

export interface OrderReportsPorts {
  /** Milliseconds since 1970. */
  now(): number;
  /** There is something to publish. */
  publish(): void;
  settle(device: DeviceId): Promise<void>;
  /** Has the device connect again, and say anew what it listens to. */
  endSession(device: DeviceId): void;
}

/** An order that a device does not know so long after it was published did not reach it. */
const LOST_MS = 3_600_000;

export const openOrderReports = (
  records: Pick<ReleaseRecords, "lastOrder" | "markTaken" | "setProgress" | "unmarkPublished">,
  { now, publish, settle, endSession }: OrderReportsPorts,
): OrderReports => ({
  async state(device, state, beforeMs) {
    const order = await records.lastOrder(device);
    if (state.sequence > (order?.sequence ?? 0)) return settle(device);
    if (order === null) return;
    const atMs = now();
    if (isTaken(state, order)) await records.markTaken(device, order.sequence, atMs);
    if (isDone(state, order)) {
      await records.setProgress(device, order.sequence, { phase: "done", percent: 100, reason: null, atMs });
    }
    const missing = missingOf(state, order, beforeMs, atMs);
    if (missing === null) return;
    await records.unmarkPublished(device, order.sequence);
    publish();
    if (missing === "unheard") endSession(device);
  },
  progress: (device, { sequence, phase, percent, reason }) =>
    records.setProgress(device, sequence, { phase, percent, reason, atMs: now() }),
});

export const isTaken = (state: DeviceState, { sequence, takenMs }: KeptOrder): boolean =>
  takenMs === null && state.sequence === sequence;

/** It runs for good, whatever became of the message that said so. */
export const isDone = ({ sequence, status, stateDigestPrefix }: DeviceState, order: KeptOrder): boolean =>
  order.progress?.phase !== "done" &&
  sequence === order.sequence &&
  (status === "DONE" || status === "UPDATED") &&
  order.revision.startsWith(stateDigestPrefix);

/**
 * Why a device does not know what was published for it; null: it does, or may yet. `forgotten`: it was brought back from an old copy, or got
 * another storage. `unheard`: it was there meanwhile, so the broker does not pass on what it gets, as one that was killed after it had
 * written down a session without its subscription.
 */
export function missingOf(
  { sequence }: DeviceState,
  order: KeptOrder,
  beforeMs: number | null,
  atMs: number,
): "forgotten" | "unheard" | null {
  const { publishedMs, takenMs } = order;
  if (sequence >= order.sequence || publishedMs === null) return null;
  if (takenMs !== null && takenMs >= publishedMs) return "forgotten";
  // The first report of a connection is under way when the order comes.
  const wasThere = beforeMs !== null && beforeMs > publishedMs;
  return wasThere && atMs - publishedMs > LOST_MS ? "unheard" : null;
}
