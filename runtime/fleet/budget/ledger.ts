import * as v from "valibot";

/** Bytes by day and month, as the disk has them. Days and months are those of UTC. */
export interface Ledger {
  /** Days since 1970-01-01. */
  readonly day: number;
  readonly dayBytes: number;
  /** Months since January 1970. */
  readonly month: number;
  readonly monthBytes: number;
}

const DAY_MS = 24 * 3600 * 1000;

const dayOf = (atMs: number): number => Math.floor(atMs / DAY_MS);
function monthOf(atMs: number): number {
  const date = new Date(atMs);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

/** Nothing was carried yet. `atMs`: milliseconds since 1970. */
export const newLedger = (atMs: number): Ledger => ({
  day: dayOf(atMs),
  dayBytes: 0,
  month: monthOf(atMs),
  monthBytes: 0,
});

/** A new day or month begins at nothing. A clock that went back begins none: what was carried stays counted. */
export function rolled(ledger: Ledger, atMs: number): Ledger {
  const [day, month] = [dayOf(atMs), monthOf(atMs)];
  return {
    ...(day > ledger.day ? { day, dayBytes: 0 } : { day: ledger.day, dayBytes: ledger.dayBytes }),
    ...(month > ledger.month ? { month, monthBytes: 0 } : { month: ledger.month, monthBytes: ledger.monthBytes }),
  };
}

export const plus = (ledger: Ledger, bytes: number): Ledger => ({
  ...ledger,
  dayBytes: ledger.dayBytes + bytes,
  monthBytes: ledger.monthBytes + bytes,
});

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Stored = v.pipe(
  v.string(),
  v.parseJson(),
  v.strictObject({ day: count, dayBytes: count, month: count, monthBytes: count }),
);

/** What {@link ledgerText} wrote; null: it is something else. */
export function parseLedger(text: string): Ledger | null {
  const parsed = v.safeParse(Stored, text);
  return parsed.success ? parsed.output : null;
}

export const ledgerText = ({ day, dayBytes, month, monthBytes }: Ledger): string =>
  `${JSON.stringify({ day, dayBytes, month, monthBytes })}\n`;
