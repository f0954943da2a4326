import type { DerCursor } from "../der/index.ts";

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const DIGITS = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** Reads the next element as a time (RFC 5280 section 4.1.2.5): milliseconds since 1970. UTCTime has the years 1950 to 2049. */
export function readTime(cursor: DerCursor, what: string): number {
  const { tag, contents } = cursor.any(what);
  const written = Buffer.from(contents.subarray(0, 32)).toString("latin1");
  const century = written < "50" ? "20" : "19";
  const text = tag === UTC_TIME ? century + written : tag === GENERALIZED_TIME ? written : "";
  const [year = 0, month = 0, ...rest] = (DIGITS.exec(text) ?? []).slice(1).map(Number);
  const [day = 0, hour = 0, minute = 0, second = 0] = rest;
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day);
  time.setUTCHours(hour, minute, second);
  // A day or an hour that does not exist would have become another one.
  const same =
    Number.isFinite(time.getTime()) && time.toISOString().replace(/\D/g, "").slice(0, 14) === text.slice(0, 14);
  if (cursor.fault === null && !same) cursor.fail(`${what} is no time`);
  return time.getTime();
}
