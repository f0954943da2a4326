import type { DeviceId } from "../../fleet/terms/index.ts";
import type { DeviceState, Progress } from "../../fleet/wire/index.ts";
import type { KeptOrder, ReleaseRecords } from "../database/index.ts";

/** What a device says of its orders, kept with them. */
export interface OrderReports {
  state(device: DeviceId, state: DeviceState): Promise<void>;
  /** False: it was given no such order. */
  progress(device: DeviceId, progress: Progress): Promise<boolean>;
}

/** An order that a device does not know so long after it was published was lost by the broker. */
const LOST_MS = 3_600_000;

export const openOrderReports = (
  records: Pick<ReleaseRecords, "lastOrder" | "markTaken" | "setProgress" | "unmarkPublished">,
  { now, publish }: { now(): number; publish(): void },
): OrderReports => ({
  async state(device, state) {
    const order = await records.lastOrder(device);
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

export const isLost = ({ sequence }: DeviceState, order: KeptOrder, atMs: number): boolean =>
  sequence < order.sequence && order.publishedMs !== null && atMs - order.publishedMs > LOST_MS;
