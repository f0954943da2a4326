import { type Ledger, plus, rolled } from "./ledger.ts";

/** Bytes of IP and up, both directions together. Null: no limit. */
export interface Caps {
  readonly dayBytes: number | null;
  readonly monthBytes: number | null;
}

export const unlimited: Caps = { dayBytes: null, monthBytes: null };

/**
 * The budget of a link while it runs. The disk is ahead of what was carried: a power cut then costs a little of the allowance, and never
 * gives any back.
 */
export interface Account {
  readonly caps: Caps;
  /** What was carried. */
  readonly used: Ledger;
  /** What the disk says. */
  readonly onDisk: Ledger;
}

/** Goes on with what the disk says. */
export const open = (caps: Caps, onDisk: Ledger, atMs: number): Account => {
  const used = rolled(onDisk, atMs);
  return { caps, used, onDisk: used };
};

/** What is for the device's security may take one more of each cap, and no more: a hub that calls everything so costs a bounded sum. */
const LIFTED = 2;

/** How many bytes may be carried now; Infinity: as many as one likes. `lifted`: each cap is {@link LIFTED} times as much. */
export function room({ caps, used }: Account, atMs: number, lifted = false): number {
  const { dayBytes, monthBytes } = rolled(used, atMs);
  const left = (cap: number | null, bytes: number): number =>
    cap === null ? Number.POSITIVE_INFINITY : cap * (lifted ? LIFTED : 1) - bytes;
  return Math.max(0, Math.min(left(caps.dayBytes, dayBytes), left(caps.monthBytes, monthBytes)));
}

/** Bytes that went either way. */
export const carried = (account: Account, bytes: number, atMs: number): Account => ({
  ...account,
  used: plus(rolled(account.used, atMs), bytes),
});

/**
 * What must be on the disk before `bytes` more are carried; null: what is there is enough. Written ahead by a part of the smallest
 * allowance, so that flash is written some dozens of times while one is used up.
 */
export function needed({ caps, used, onDisk }: Account, bytes: number, atMs: number): Ledger | null {
  const [now, there] = [rolled(used, atMs), rolled(onDisk, atMs)];
  if (there.dayBytes - now.dayBytes >= bytes) return null; // and the month's: it is ahead by as much, or more
  return plus(now, bytes + ahead(caps));
}

/** What the disk is to say when the link ends in order: what was carried, and a farewell. */
export const last = ({ used }: Account, atMs: number): Ledger => plus(rolled(used, atMs), FAREWELL_BYTES);

/** DISCONNECT, the end of TLS and of TCP. */
const FAREWELL_BYTES = 1024;

/** The disk has it. */
export const settled = (account: Account, onDisk: Ledger): Account => ({ ...account, onDisk });

/** Shown at the hub: what today and this month have cost. */
export const usage = ({ used }: Account, atMs: number): { readonly dayBytes: number; readonly monthBytes: number } => {
  const { dayBytes, monthBytes } = rolled(used, atMs);
  return { dayBytes, monthBytes };
};

const AHEAD_MIN = 512;
const AHEAD_MAX = 256 * 1024;
const PARTS = 48;

function ahead({ dayBytes, monthBytes }: Caps): number {
  const smallest = Math.min(dayBytes ?? Number.POSITIVE_INFINITY, monthBytes ?? Number.POSITIVE_INFINITY);
  return Math.min(AHEAD_MAX, Math.max(AHEAD_MIN, Math.floor(smallest / PARTS)));
}
