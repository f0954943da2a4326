/** What the cells of the table in `transitions.ts` do. Each takes only the phases it makes sense in. */
import { hasGoal } from "./goals.ts";
import {
  type After,
  type Effect,
  type GoalTimer,
  type Member,
  type MemberEvent,
  type Phase,
  type RequestAction,
  type Run,
  type RunEnd,
  type Status,
  type Supervised,
  type SupervisionEvent,
  unbegun,
} from "./model.ts";
import { judge, type Verdict } from "./recovery.ts";

export type PhaseName = Phase["at"];
/** What a replan means to one container that it does not leave alone. `member`: its new definition. */
export type Fate =
  | { readonly kind: "replaced"; readonly member: Member; readonly atMs: number }
  | { readonly kind: "removed"; readonly atMs: number };
/** An event as one container sees it. */
export type ContainerEvent = Exclude<SupervisionEvent, { kind: "replan" }> | Fate;
export type Column = Exclude<ContainerEvent["kind"], "request"> | RequestAction;
type Request = Extract<MemberEvent, { kind: "request" }>;
/** The event of a column. */
export type On<C extends Column> = C extends RequestAction ? Request : Extract<ContainerEvent, { kind: C }>;
/** A container in one of these phases. */
export type In<P extends PhaseName> = Supervised & { readonly phase: Extract<Phase, { at: P }> };
export type Moved = readonly [Supervised, readonly Effect[]];

const to = (container: Supervised, phase: Phase, ...effects: readonly Effect[]): Moved => [
  { ...container, phase },
  effects,
];

// The way up. What needs no event, mount and start, is in step.ts.

export const queue = (c: In<"none">): Moved => to(c, { at: "waiting", blocked: false });

export const holdVolumes = (c: In<"mounting">): Moved => to(c, { at: "mounted" });

export function run(c: In<"starting">, { pid, atMs }: On<"started">): Moved {
  const fresh: Run = { pid, startedAtMs: atMs, stable: false, stableAtMs: null };
  const status = startsAs(c.phase);
  const first = status === c.member.goal ? atGoal(c.member, fresh, atMs) : fresh;
  return to(c, { at: status === "READY" ? "ready" : "started", run: first });
}

const startsAs = ({ saidReady }: In<"starting">["phase"]): Status => (saidReady ? "READY" : "STARTED");

/** A quick container says that it is ready before the answer to its start is here. */
export const noteReady = (c: In<"starting">): Moved => to(c, { at: "starting", saidReady: true });

export const becomeReady = (c: In<"started">, { atMs }: On<"ready">): Moved =>
  to(c, { at: "ready", run: atGoal(c.member, c.phase.run, atMs) });

export function becomeStable(c: In<"started" | "ready">, { atMs }: On<"tick">): Moved {
  const { at, run } = c.phase;
  if (run.stableAtMs === null || run.stableAtMs > atMs) return [c, []];
  return to(c, { at, run: { ...run, stable: true, stableAtMs: null } }, { kind: "stable", name: c.member.name });
}

function atGoal({ recovery }: Member, run: Run, atMs: number): Run {
  const timeoutMs = recovery?.stableTimeoutMs ?? 0;
  return timeoutMs === 0 ? { ...run, stable: true } : { ...run, stableAtMs: atMs + timeoutMs };
}

// The way down by wish of the user, the device or another plan.

type Wish = Request | On<"shutdown"> | Fate;

/**
 * A wish ends what went on before it: the goal has all its time again, and a start or restart forgets failures and
 * earlier stops. Of a replaced container nothing stays but what there is to undo.
 */
function heed(container: Supervised, wish: Wish): Supervised {
  if (wish.kind === "replaced") return { ...unbegun(wish.member), phase: container.phase };
  const untimed: Supervised = { ...container, goalTimer: { at: "unarmed" } };
  if (wish.kind !== "request") return untimed;
  if (wish.action === "stop") return { ...untimed, userStopped: true };
  return { ...untimed, userStopped: false, finished: false, retries: 0 };
}

function afterwards(wish: Wish): After {
  const up = wish.kind === "request" ? wish.action !== "stop" : wish.kind === "replaced";
  return { kind: up ? "start" : "stay" };
}

export const renew = (c: In<"none" | "waiting">, wish: On<"replaced">): Moved => [heed(c, wish), []];

export const stayDown = (c: In<"none" | "waiting" | "recovering" | "stopped">, wish: Wish): Moved =>
  to(heed(c, wish), { at: "stopped" });

export const startAnew = (c: In<"recovering" | "stopped">, wish: Request | On<"replaced">): Moved =>
  to(heed(c, wish), { at: "waiting", blocked: false });

export const cancelMount = (c: In<"mounting">, wish: Wish): Moved =>
  to(heed(c, wish), { at: "cancellingMount", after: afterwards(wish) });

/** There is no process to ask yet, but one to kill if the start takes longer than the grace. */
export const cancelStart = (c: In<"starting">, wish: Wish, stopGraceMs: number): Moved =>
  to(heed(c, wish), { at: "cancellingStart", after: afterwards(wish), killAtMs: wish.atMs + stopGraceMs });

export function halt(c: In<"started" | "ready">, wish: Wish, stopGraceMs: number): Moved {
  const killAtMs = wish.atMs + stopGraceMs;
  return to(
    heed(c, wish),
    { at: "halting", pid: c.phase.run.pid, after: afterwards(wish), killAtMs },
    { kind: "stop", name: c.member.name },
  );
}

/** The grace counts from the wish, so that a stop is never longer than the grace, wherever it struck. */
export function haltLate(c: In<"cancellingStart">, { pid }: On<"started">): Moved {
  const { after, killAtMs } = c.phase;
  return to(
    c,
    { at: "halting", pid, after, killAtMs },
    { kind: killAtMs === null ? "kill" : "stop", name: c.member.name },
  );
}

export function kill(c: In<"cancellingStart" | "halting">, { atMs }: On<"tick">): Moved {
  if (c.phase.killAtMs === null || c.phase.killAtMs > atMs) return [c, []];
  return to(c, { ...c.phase, killAtMs: null }, { kind: "kill", name: c.member.name });
}

export const changeMind = (c: In<"cancellingMount" | "cancellingStart" | "halting" | "releasing">, wish: Wish): Moved =>
  to(heed(c, wish), { ...c.phase, after: afterwards(wish) });

export const letGo = (c: In<"mounted">, wish: Wish): Moved => released(heed(c, wish), afterwards(wish));

export const release = (c: In<"cancellingMount" | "cancellingStart" | "halting">): Moved => released(c, c.phase.after);

const released = (c: Supervised, after: After): Moved =>
  to(c, { at: "releasing", after }, { kind: "release", name: c.member.name });

export function goOn(c: In<"releasing">, { atMs }: On<"released">): Moved {
  const { after } = c.phase;
  if (after.kind === "stay") return to(c, { at: "stopped" });
  if (after.kind === "start" || after.delayMs === 0) return to(c, { at: "waiting", blocked: false });
  return to(c, { at: "recovering", untilMs: atMs + after.delayMs });
}

// The way down by itself, and back.

export function end(
  c: In<"mounting" | "starting" | "started" | "ready">,
  event: On<"mountFailed" | "startFailed" | "exited">,
): Moved {
  const { member, retries } = c;
  const lastEnd: RunEnd = event.kind === "exited" ? event.end : { kind: event.kind, reason: event.reason };
  const uptimeMs = "run" in c.phase ? event.atMs - c.phase.run.startedAtMs : 0;
  const verdict = judge(member.recovery, { end: lastEnd, retries, uptimeMs });
  const ended: Supervised = {
    ...c,
    lastEnd,
    goalTimer: hasGoal(c) ? armed(member, event.atMs) : c.goalTimer,
    retries: verdict.kind === "retry" ? verdict.retry : verdict.kind === "pause" ? 0 : retries,
    finished: verdict.kind === "finished" && (hasGoal(c) || startedAtGoal(c)),
  };
  const [down, effects] = released(ended, afterVerdict(verdict));
  return [down, [news(c, lastEnd, verdict), ...effects]];
}

/** A process that ended well before its start was answered had started all the same. */
const startedAtGoal = ({ member, phase }: Supervised): boolean =>
  phase.at === "starting" && startsAs(phase) === member.goal;

function afterVerdict(verdict: Verdict): After {
  return verdict.kind === "retry" || verdict.kind === "pause"
    ? { kind: "recover", delayMs: verdict.delayMs }
    : { kind: "stay" };
}

function news({ member: { name }, retries }: Supervised, end: RunEnd, verdict: Verdict): Effect {
  switch (verdict.kind) {
    case "retry":
      return { kind: "recovering", name, end, retry: verdict.retry, delayMs: verdict.delayMs };
    case "finished":
      return { kind: "finished", name };
    case "pause":
      return { kind: "gaveUp", name, end, retries, pauseMs: verdict.delayMs };
    case "leave":
      return { kind: "gaveUp", name, end, retries, pauseMs: null };
    case "fail":
      return { kind: "revisionFailed", name, end, retries };
  }
}

export const recover = (c: In<"recovering">, { atMs }: On<"tick">): Moved =>
  c.phase.untilMs > atMs ? [c, []] : to(c, { at: "waiting", blocked: false });

/** A fresh goal timer. */
export function armed({ goalTimeoutMs }: Member, atMs: number): GoalTimer {
  return goalTimeoutMs === 0 ? { at: "over" } : { at: "running", untilMs: atMs + goalTimeoutMs };
}
