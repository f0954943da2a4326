import type { DeviceId } from "../../fleet/terms/index.ts";
import type { DeviceState, Progress } from "../../fleet/wire/index.ts";
import type { KeptOrder, ReleaseRecords } from "../database/index.ts";

/** What a device says of its orders, kept with them. */
export interface OrderReports {
  state(device: DeviceId, state: DeviceState): Promise<void>;
  /** False: it was given no such order. */
  progress(device: DeviceId, progress: Progress): Promise<boolean>;
}

/** An order that a device does not know so long after it was published was lost by the broker; one that it knew once it has forgotten. */
const LOST_MS = 3_600_000;

export const openOrderReports = (
  records: Pick<ReleaseRecords, "lastOrder" | "markTaken" | "setProgress" | "unmarkPublished">,
  { now, publish, settle }: { now(): number; publish(): void; settle(device: DeviceId): Promise<void> },
): OrderReports => ({
  async state(device, state) {
    const order = await records.lastOrder(device);
    if (state.sequence > (order?.sequence ?? 0)) return settle(device);
    if (order === null) return;
    const atMs = now();
    if (isTaken(state, order)) await records.markTaken(device, order.sequence, atMs);
    if (isDone(state, order)) {
      await records.setProgress(device, order.sequence, { phase: "done", percent: 100, reason: null, atMs });
    }
    if (isLost(state, order, atMs)) {
      await records.unmarkPublished(device, order.sequence);
      publish();
    }
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

export function isLost({ sequence }: DeviceState, order: KeptOrder, atMs: number): boolean {
  const { publishedMs, takenMs } = order;
  if (sequence >= order.sequence || publishedMs === null) return false;
  // Once at once: a device that was brought back from an old copy, or got another storage.
  return (takenMs !== null && takenMs >= publishedMs) || atMs - publishedMs > LOST_MS;
}
