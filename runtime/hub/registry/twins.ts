/** Whether two boards have one key, and so one id. Pure. */
import type { Device } from "../database/index.ts";

/** When what a device says it has carried this month fell last, and how often in a row of such days. */
export type Falls = NonNullable<Device["falls"]>;

const WITHIN_MS = 7 * 86_400_000;
/** One comes with each new month, and another one with an exchanged or restored storage. */
const FALLS_MIN = 3;

/** A device counts its bytes up and keeps the count over restarts: it falls again and again where two of them report. Null: it did not. */
export function fallOf(before: Pick<Device, "report" | "falls">, text: string, nowMs: number): Falls | null {
  if (before.report === null || monthBytes(text) >= monthBytes(before.report.text)) return null;
  const isRecent = before.falls !== null && nowMs - before.falls.atMs < WITHIN_MS;
  return { count: (isRecent ? (before.falls?.count ?? 0) : 0) + 1, atMs: nowMs };
}

/** As of its last report. */
export const isDuplicate = ({ falls, report }: Pick<Device, "report" | "falls">): boolean =>
  falls !== null && falls.count >= FALLS_MIN && (report?.atMs ?? 0) - falls.atMs < WITHIN_MS;

function monthBytes(text: string): number {
  const said: { readonly bytes?: { readonly month?: unknown } } = JSON.parse(text);
  const month = said.bytes?.month;
  return typeof month === "number" ? month : 0;
}
