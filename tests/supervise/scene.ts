/** A supervision to tell stories with: plans in short form, events at a time, effects as words. */

import type { ContainerName } from "../../runtime/state/index.ts";
import {
  awaitingStability,
  type ContainerView,
  containerView,
  type Effect,
  type Member,
  nextDeadline,
  type Plan,
  type ProcessEnd,
  type RequestAction,
  type RunEnd,
  type Supervision,
  type SupervisionEvent,
  step,
  supervision,
} from "../../runtime/supervise/index.ts";

export const named = (name: string): ContainerName => name as ContainerName;

type Recovery = NonNullable<Member["recovery"]>;

/** Recovers at once, for ever; a test says what it wants otherwise. */
export const recovers = (wanted: Partial<Recovery> = {}): Recovery => ({
  policy: "on-failure",
  maxRetries: 0,
  retryDelayMs: 0,
  backoffFactor: 1,
  resetWindowMs: 0,
  stableTimeoutMs: 0,
  backoffPolicy: { kind: "reboot" },
  ...wanted,
});

export type Wanted = Partial<Omit<Member, "name" | "group">>;

/**
 * Groups in order, each with its members: `{ data: { files: {} }, app: { web: { goal: "READY" } } }`. By default a
 * member wants to be STARTED within 30 s, is not recovered, and obeys the user; a container halts within 5 s.
 */
export const planOf = (groups: { readonly [group: string]: { readonly [name: string]: Wanted } }): Plan => ({
  stopGraceMs: 5_000,
  groups: Object.entries(groups).map(([group, members]) => ({
    name: group,
    members: Object.entries(members).map(([name, wanted]) => ({
      name: named(name),
      group,
      goal: "STARTED",
      goalTimeoutMs: 30_000,
      recovery: null,
      controllable: true,
      ...wanted,
    })),
  })),
});

type Untimed<E> = E extends unknown ? Omit<E, "atMs"> : never;
export type Happening = Untimed<SupervisionEvent>;

/** What a container may meet by itself. */
type OwnHappening = Exclude<Happening, { kind: "replan" }>;

export const begin: OwnHappening = { kind: "begin" };
export const tick: OwnHappening = { kind: "tick" };
export const shutdown: OwnHappening = { kind: "shutdown" };
export const mounted = (name: string): OwnHappening => ({ kind: "mounted", name: named(name) });
export const mountFailed = (name: string, reason = "no such disk"): OwnHappening => ({
  kind: "mountFailed",
  name: named(name),
  reason,
});
export const started = (name: string, pid = 100): OwnHappening => ({ kind: "started", name: named(name), pid });
export const startFailed = (name: string, reason = "no driver"): OwnHappening => ({
  kind: "startFailed",
  name: named(name),
  reason,
});
export const exited = (name: string, code: number): OwnHappening => died(name, { kind: "exit", code });
export const killed = (name: string, signal = 9): OwnHappening => died(name, { kind: "signal", signal });
const died = (name: string, end: ProcessEnd): OwnHappening => ({ kind: "exited", name: named(name), end });
export const released = (name: string): OwnHappening => ({ kind: "released", name: named(name) });
export const ready = (name: string): OwnHappening => ({ kind: "ready", name: named(name) });
export const request = (name: string, action: RequestAction): OwnHappening => ({
  kind: "request",
  name: named(name),
  action,
});

/** The plan of another revision, with the containers that differ from what runs. */
export const replan = (plan: Plan, ...affected: readonly string[]): Happening => ({
  kind: "replan",
  plan,
  affected: new Set(affected.map(named)),
});

export interface Scene {
  readonly now: Supervision;
  /** Lets it happen and tells the effects as words. */
  at(atMs: number, happening: Happening): readonly string[];
  /** Answers mount and start of these, one after the other; tells nothing. */
  bringUp(atMs: number, ...names: readonly string[]): void;
  view(name: string): ContainerView;
  readonly deadline: number | null;
  readonly unstable: readonly string[];
}

export function scene(plan: Plan): Scene {
  let now = supervision(plan);
  const at = (atMs: number, happening: Happening): readonly string[] => {
    const [next, effects] = step(now, { ...happening, atMs });
    now = next;
    return effects.map(words);
  };
  return {
    get now() {
      return now;
    },
    at,
    bringUp(atMs, ...names) {
      for (const name of names) for (const answer of [mounted(name), started(name)]) at(atMs, answer);
    },
    view: (name) => containerView(now, named(name)),
    get deadline() {
      return nextDeadline(now);
    },
    get unstable() {
      return awaitingStability(now);
    },
  };
}

export function words(effect: Effect): string {
  switch (effect.kind) {
    case "mount":
    case "start":
    case "stop":
    case "kill":
    case "release":
    case "finished":
    case "stable":
      return `${effect.kind} ${effect.name}`;
    case "status":
      return `${effect.name} ${effect.from} > ${effect.to}`;
    case "recovering":
      return `recovering ${effect.name} from ${endWords(effect.end)}: retry ${effect.retry} in ${effect.delayMs}`;
    case "gaveUp":
      return `gave up ${effect.name} at ${endWords(effect.end)} after ${effect.retries}: ${
        effect.pauseMs === null ? "stays down" : `pauses ${effect.pauseMs}`
      }`;
    case "revisionFailed":
      return `revision failed: ${effect.name} at ${endWords(effect.end)} after ${effect.retries}`;
    case "goals":
      return `goals ${effect.result}: ${effect.groups
        .map(({ group, result, missing }) => [group, result, ...missing].join(" "))
        .join(", ")}`;
    case "allStopped":
      return "all stopped";
  }
}

function endWords(end: RunEnd): string {
  switch (end.kind) {
    case "exit":
      return `exit ${end.code}`;
    case "signal":
      return `signal ${end.signal}`;
    default:
      return `${end.kind} (${end.reason})`;
  }
}
