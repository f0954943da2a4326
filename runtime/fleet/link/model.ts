/**
 * When a device is connected to its hub, as types: it connects, stays or goes to sleep again, and waits longer after each failure. Plain
 * immutable data; `step.ts` decides.
 *
 * | phase        | what is going on                                           | waits for           | when its time is over    |
 * |--------------|------------------------------------------------------------|---------------------|--------------------------|
 * | `waiting`    | no connection: asleep, backing off, or out of budget       | its time, a wish    | `connecting`             |
 * | `connecting` | TCP, TLS, CONNECT                                          | connected, closed   | closed, `waiting`        |
 * | `online`     | the session is there; in wake mode as long as there is work | closed, quiet       | `leaving` (wake mode)    |
 * | `leaving`    | DISCONNECT is on its way                                   | closed              | closed, `waiting`        |
 */

/** Stay connected; or connect, report and sleep, once in `everyMs`. */
export type Mode = { readonly kind: "always" } | { readonly kind: "wake"; readonly everyMs: number };

export interface LinkSettings {
  readonly mode: Mode;
  /** TCP, TLS and CONNECT together: long enough for a slow satellite. */
  readonly connectWithinMs: number;
  /** Without a message either way, and nothing under way, a wake is over: what the hub had to say has come by then. */
  readonly quietMs: number;
  /** A wake ends at the latest after this, work or not: the next one goes on. */
  readonly awakeAtMostMs: number;
  readonly leaveWithinMs: number;
  /** Waits between attempts grow up to this. */
  readonly backoffMaxMs: number;
  /** The same while a revision on trial waits for contact. */
  readonly backoffOnTrialMs: number;
}

export const usual = {
  connectWithinMs: 90_000,
  quietMs: 10_000,
  awakeAtMostMs: 15 * 60_000,
  leaveWithinMs: 10_000,
  backoffMaxMs: 600_000,
  backoffOnTrialMs: 20_000,
} as const satisfies Omit<LinkSettings, "mode">;

export type Phase =
  | { readonly at: "waiting"; readonly untilMs: number; readonly why: "start" | "sleep" | "backoff" | "budget" }
  | { readonly at: "connecting"; readonly untilMs: number }
  | { readonly at: "online"; readonly sinceMs: number; readonly quietSinceMs: number }
  | { readonly at: "leaving"; readonly untilMs: number; readonly why: "sleep" | "budget" };

export interface Link {
  readonly settings: LinkSettings;
  readonly phase: Phase;
  /** Attempts in a row that led to nothing. */
  readonly failures: number;
  /** A revision is on trial and waits for the hub's answer. */
  readonly trial: boolean;
  /** There is something to send, to receive, or to be acknowledged. */
  readonly busy: boolean;
}

/** What every event knows: the monotonic time, a number in [0, 1) for everything that is spread out, and what the budget says. */
export interface Now {
  readonly atMs: number;
  readonly random: number;
  /** Bytes that may be carried now. */
  readonly roomBytes: number;
  /** When there will be more, at the latest. */
  readonly moreRoomAtMs: number;
}

export type LinkEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "connected" }
  /** A message came, or one of ours was acknowledged: the other side is there. */
  | { readonly kind: "heard" }
  /** The connection is gone, or none came about. */
  | { readonly kind: "closed" }
  | { readonly kind: "busy"; readonly busy: boolean }
  /** Something should not wait for the next wake. */
  | { readonly kind: "urgent" }
  | { readonly kind: "trial"; readonly trial: boolean };

export type LinkEffect =
  | { readonly kind: "connect" }
  /** In order: DISCONNECT, then close. */
  | { readonly kind: "disconnect" }
  /** At once: whatever is there of a connection is dropped. */
  | { readonly kind: "drop" }
  /** A revision on trial asked: the hub was heard. */
  | { readonly kind: "contact" };
