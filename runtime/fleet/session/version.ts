/**
 * Which MQTT is spoken next: 5, or 3.1.1 with a broker that knows nothing newer. A broker that says so is believed for a week, one that
 * only hangs up for a day; then 5 is tried again, which costs a connection. Plain data; pure.
 */
export type Version = 4 | 5;

export interface Versions {
  /** As CONNECT has it: 4 is 3.1.1. */
  readonly next: Version;
  /** 3.1.1 was good, and is spoken until then (milliseconds since 1970); null: 5 is, as far as is known. */
  readonly untilMs: number | null;
  /** Until when it will be, when it is good, and is tried at most. */
  readonly tryUntilMs: number | null;
  /** Attempts in a row that the broker ended without an answer. */
  readonly unanswered: number;
}

export type VersionEvent =
  | { readonly kind: "begin" }
  | { readonly kind: "online" }
  /** The broker answered CONNECT with this reason code. */
  | { readonly kind: "refused"; readonly code: number }
  /** It took the connection, and ended it instead of answering CONNECT. */
  | { readonly kind: "unanswered" };

const DAY_MS = 24 * 3600_000;
const [SAID_MS, GUESSED_MS] = [7 * DAY_MS, DAY_MS];
/** Connections are cut for other reasons, too. */
const UNANSWERED_MAX = 3;

const newest: Versions = { next: 5, untilMs: null, tryUntilMs: null, unanswered: 0 };

/** With what was kept of {@link Versions.untilMs}; a clock that was elsewhere then does not keep 5 away for longer. */
export function versionsFrom(untilMs: number | null, nowMs: number): Versions {
  const counts = untilMs !== null && nowMs < untilMs && untilMs <= nowMs + SAID_MS;
  return counts ? { ...newest, next: 4, untilMs } : newest;
}

/** "Unacceptable protocol version" of MQTT 3.1.1 (table 3.1), and "unsupported protocol version" of 5 (section 3.2.2.2). */
export const refusesVersion = (code: number): boolean => code === 0x01 || code === 0x84;

export function versionsAfter(versions: Versions, event: VersionEvent, nowMs: number): Versions {
  const { next, untilMs, tryUntilMs, unanswered } = versions;
  const until = untilMs ?? tryUntilMs;
  switch (event.kind) {
    case "begin":
      return until === null || versionsFrom(until, nowMs).next === 4 ? versions : newest;
    case "online":
      if (next === 5) return newest;
      return { ...versions, untilMs: until, unanswered: 0 };
    case "refused":
      return refusesVersion(event.code) ? other(next, nowMs + SAID_MS) : { ...versions, unanswered: 0 };
    case "unanswered":
      if (unanswered + 1 < UNANSWERED_MAX) return { ...versions, unanswered: unanswered + 1 };
      return other(next, nowMs + GUESSED_MS);
  }
}

const other = (tried: Version, tryUntilMs: number): Versions =>
  tried === 5 ? { ...newest, next: 4, tryUntilMs } : newest;
