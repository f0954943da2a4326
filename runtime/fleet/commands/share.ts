import type { Caps } from "../budget/index.ts";
import { limits } from "../wire/index.ts";

/** What a message costs beside the lines: its other members, MQTT, TLS, TCP and IP, and its acknowledgement. */
const MESSAGE_BYTES = 500;
const MONTH_DAYS = 30;

export interface Spent {
  readonly caps: Caps;
  /** Carried already. */
  readonly dayBytes: number;
  readonly monthBytes: number;
  /** Wait to be sent. */
  readonly waitingBytes: number;
}

/**
 * How many bytes of deflated lines may go now; 0 or less: none. Half of what a day may cost is left to reports and updates, whoever asks for
 * lines, and however often. A release that lifts the caps does not lift them for lines.
 */
export function logsShare({ caps, dayBytes, monthBytes, waitingBytes }: Spent): number {
  const dayMax = Math.min(caps.dayBytes ?? Infinity, (caps.monthBytes ?? Infinity) / MONTH_DAYS);
  if (dayMax === Infinity) return limits.logsBytesMax;
  const left = Math.min((caps.dayBytes ?? Infinity) - dayBytes, (caps.monthBytes ?? Infinity) - monthBytes);
  return Math.min(limits.logsBytesMax, Math.floor(left - dayMax / 2) - waitingBytes - MESSAGE_BYTES);
}
