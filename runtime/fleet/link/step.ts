import type { Link, LinkEffect, LinkEvent, LinkSettings, Now, Phase } from "./model.ts";

type Stepped = readonly [Link, readonly LinkEffect[]];

/** A connection costs some kilobytes before it carries anything (fleet.md has the figures); with less, none is made. */
export const CONNECT_BYTES = 5 * 1024;

/** Begins at once; a device that boots is spread out by its own boot. */
export const newLink = (settings: LinkSettings, atMs: number): Link => ({
  settings,
  phase: { at: "waiting", untilMs: atMs, why: "start" },
  failures: 0,
  trial: false,
  busy: true, // every connection begins with a report
});

/** Enough to say farewell with. */
const FAREWELL_BYTES = 512;

/** What an event makes of the link, and what is to be done for that. Pure. */
export function step(link: Link, event: LinkEvent, now: Now): Stepped {
  const [after, effects] = onEvent(link, event, now);
  const { at } = after.phase;
  if (at === "waiting" || now.roomBytes >= FAREWELL_BYTES) return [after, effects];
  // Used up: nothing more may come, so that who is sent things hangs up, as rude as it is. Who is not connected has nobody to say farewell to.
  if (now.roomBytes === 0 || at === "connecting")
    return [to(after, rest(after.settings, "budget", now)), [...effects, { kind: "drop" }]];
  if (at === "leaving") return [after, effects];
  const [left, farewell] = leave(after, "budget", now);
  return [left, [...effects, ...farewell]];
}

function onEvent(link: Link, event: LinkEvent, now: Now): Stepped {
  switch (event.kind) {
    case "tick":
      return onTime(link, now);
    case "connected":
      if (link.phase.at !== "connecting") return [link, [{ kind: "drop" }]];
      return stay(to(link, { at: "online", sinceMs: now.atMs, quietSinceMs: now.atMs }));
    case "heard":
      return onHeard(link, now);
    case "closed":
      return onClosed(link, now);
    case "busy":
      return onTime({ ...link, busy: event.busy }, now);
    case "urgent":
      return link.phase.at === "waiting" && link.phase.why === "sleep" ? connect(link, now) : stay(link);
    case "trial":
      return onTrial({ ...link, trial: event.trial }, now);
  }
}

/** When `tick` should come; null: no need. */
export function deadline({ phase, settings, busy }: Link): number | null {
  if (phase.at !== "online") return phase.untilMs;
  if (settings.mode.kind === "always") return null;
  const awakeUntilMs = phase.sinceMs + settings.awakeAtMostMs;
  return busy ? awakeUntilMs : Math.min(awakeUntilMs, phase.quietSinceMs + settings.quietMs);
}

const stay = (link: Link, ...effects: readonly LinkEffect[]): Stepped => [link, effects];
const to = (link: Link, phase: Phase): Link => ({ ...link, phase });

function onTime(link: Link, now: Now): Stepped {
  const { phase, settings } = link;
  const dueMs = deadline(link);
  if (dueMs === null || now.atMs < dueMs) return stay(link);
  switch (phase.at) {
    case "waiting":
      return connect(link, now);
    case "connecting":
      return stay(to({ ...link, failures: link.failures + 1 }, backoff(link, now)), { kind: "drop" });
    case "online":
      return link.trial ? stay(link) : leave(link, "sleep", now);
    case "leaving":
      return stay(to(link, rest(settings, phase.why, now)), { kind: "drop" });
  }
}

function connect(link: Link, now: Now): Stepped {
  if (now.roomBytes < CONNECT_BYTES) return stay(to(link, rest(link.settings, "budget", now)));
  const untilMs = now.atMs + link.settings.connectWithinMs;
  return stay({ ...to(link, { at: "connecting", untilMs }), busy: true }, { kind: "connect" });
}

const leave = (link: Link, why: "sleep" | "budget", now: Now): Stepped =>
  stay(to(link, { at: "leaving", untilMs: now.atMs + link.settings.leaveWithinMs, why }), { kind: "disconnect" });

/** A connection that lasts so long has nothing to do with what went wrong before it. */
const SOUND_MS = 60_000;
/** One that is heard and ends sooner is tried again within half a minute, and not each second: it costs kilobytes each time. */
const HEARD_FAILURES_MAX = 4;

function onHeard(link: Link, { atMs }: Now): Stepped {
  if (link.phase.at !== "online") return stay(link);
  const sound = atMs - link.phase.sinceMs >= SOUND_MS;
  const failures = sound ? 0 : Math.min(link.failures, HEARD_FAILURES_MAX);
  const heard = { ...to(link, { ...link.phase, quietSinceMs: atMs }), failures };
  return link.trial ? stay({ ...heard, trial: false }, { kind: "contact" }) : stay(heard);
}

function onClosed(link: Link, now: Now): Stepped {
  switch (link.phase.at) {
    case "waiting":
      return stay(link);
    case "leaving":
      return stay(to(link, rest(link.settings, link.phase.why, now)));
    case "connecting":
    case "online":
      // A broker that takes a device and closes at once is no success: only what was heard sets the count back.
      return stay(to({ ...link, failures: link.failures + 1 }, backoff(link, now)));
  }
}

function onTrial(link: Link, now: Now): Stepped {
  if (!link.trial || link.phase.at !== "waiting") return stay(link);
  const untilMs = Math.min(link.phase.untilMs, now.atMs + now.random * link.settings.backoffOnTrialMs);
  return link.phase.why === "sleep" ? connect(link, now) : stay(to(link, { ...link.phase, untilMs }));
}

/** Uniform in (0, min(max, 2^n seconds)): devices that lost the same broker do not come back together. */
function backoff({ failures, settings, trial }: Link, now: Now): Phase {
  const max = trial ? settings.backoffOnTrialMs : settings.backoffMaxMs;
  const upTo = Math.min(max, 1000 * 2 ** Math.min(failures + 1, 30));
  const thrifty = trial || failures < PATIENT_FAILURES ? 0 : thriftyMs(now);
  return { at: "waiting", untilMs: now.atMs + now.random * Math.max(upTo, thrifty), why: "backoff" };
}

/** Outages of up to a quarter of an hour cost little, and nobody waits longer after them. */
const PATIENT_FAILURES = 8;
/** What an attempt sends in vain until it is given up: seven SYNs of 60 bytes (tcp_syn_retries in ip-sysctl.rst: one second, then twice as long). */
const IN_VAIN_BYTES = 7 * 60;
/** At the pace of the moment, attempts would take so much of what is left by the time there is more: half is there when nine tenths of it are over. */
const IN_VAIN_PART = 1 / 4;

/** The longest wait of attempts that keep to their part, spread over the time for which there is no more; 0 without a cap. */
const thriftyMs = ({ atMs, roomBytes, moreRoomAtMs }: Now): number =>
  (2 * IN_VAIN_BYTES * Math.max(0, moreRoomAtMs - atMs)) / Math.max(IN_VAIN_BYTES, roomBytes * IN_VAIN_PART);

/** Until the next wake; or until there is room again, spread over an hour. */
function rest({ mode }: LinkSettings, why: "sleep" | "budget", { atMs, random, moreRoomAtMs }: Now): Phase {
  if (why === "budget") return { at: "waiting", untilMs: Math.max(atMs, moreRoomAtMs) + random * 3600_000, why };
  const everyMs = mode.kind === "wake" ? mode.everyMs : 0;
  return { at: "waiting", untilMs: atMs + everyMs * (0.95 + 0.1 * random), why };
}
