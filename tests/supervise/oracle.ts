/**
 * The rules of supervision, kept beside it: sees events and effects only, and throws at the first effect that breaks
 * a rule. Written from the reference and the opening of runtime/supervise/model.ts, not from the code that follows
 * it.
 */

import type { ContainerName } from "../../runtime/state/index.ts";
import {
  containerView,
  type Effect,
  type GoalResult,
  type Member,
  nextDeadline,
  type Plan,
  type RunEnd,
  type Status,
  type Supervision,
  type SupervisionEvent,
} from "../../runtime/supervise/index.ts";
import { fresh, type Watched } from "./watched.ts";

export interface Oracle {
  readonly watched: ReadonlyMap<ContainerName, Watched>;
  /** Those that a replan removed and that are not down yet. */
  readonly leaving: ReadonlyMap<ContainerName, Watched>;
  readonly allStopped: number;
  readonly goals: GoalResult | null;
  see(event: SupervisionEvent, effective: boolean, effects: readonly Effect[], after: Supervision): void;
}

function rule(holds: boolean, text: string): asserts holds {
  if (!holds) throw new Error(`rule broken: ${text}`);
}

const running: readonly Status[] = ["STARTING", "STARTED", "READY"];
const verdicts: readonly Effect["kind"][] = ["recovering", "finished", "gaveUp", "revisionFailed"];

export function oracle(first: Plan): Oracle {
  let plan = first;
  const watched = new Map(membersOf(plan).map((member) => [member.name, fresh(member)]));
  const leaving = new Map<ContainerName, Watched>();
  let [begun, goingDown, allStopped, lastTickMs, told] = [false, false, 0, -1, null as GoalResult | null];
  const of = (name: ContainerName): Watched => watched.get(name) ?? leaving.get(name) ?? fail(name);
  const everybody = () => [...watched.values(), ...leaving.values()];

  return {
    watched,
    leaving,
    get allStopped() {
      return allStopped;
    },
    get goals() {
      return told;
    },
    see(event, effective, effects, after) {
      const kept = event.kind === "replan" && !goingDown ? adopt(event) : new Set<ContainerName>();
      const before = new Map([...watched, ...leaving].map(([name, w]) => [name, { ...w }]));
      const was = (name: ContainerName): Watched => before.get(name) ?? fail(name);
      if (event.kind === "begin" && !goingDown) begun = true;
      if (event.kind === "tick") lastTickMs = event.atMs;
      if (event.kind === "shutdown" && !goingDown) {
        goingDown = true;
        for (const w of everybody()) w.wishedDownAtMs ??= event.atMs;
      }
      if ("name" in event && effective) heed(of(event.name), event);
      for (const effect of effects) {
        if (effect.kind === "goals") {
          rule(begun && !goingDown, "goals are only told while the revision runs");
          told = effect.result;
        } else if (effect.kind === "allStopped") {
          allStopped++;
          rule(leaving.size === 0, "all stopped waits for those that leave");
          for (const w of watched.values()) rule(!w.alive && !w.dirty && w.unanswered === null, "all stopped is true");
        } else {
          const held = !kept.has(effect.name) || was(effect.name).status === "BLOCKED";
          rule(held, `${effect.name}: a replan does nothing to what is not affected but to end its waiting`);
          check(of(effect.name), was(effect.name), effect, event);
          if (leaving.has(effect.name)) forgetIfDown(effect.name);
        }
      }
      if (event.kind === "replan" && !goingDown) {
        const tellings = effects.filter(({ kind }) => kind === "goals").length;
        rule(tellings === (begun ? 1 : 0), "goals are told anew after a replan");
      }
      if (event.kind === "exited" || event.kind === "mountFailed" || event.kind === "startFailed") {
        const own = was(event.name).status !== "STOPPING" && effective;
        const news = effects.filter(({ kind }) => verdicts.includes(kind));
        rule(news.length === (own ? 1 : 0), `${event.name}: one verdict for an end by itself, none for a wished one`);
      }
      checkStanding(event, effects, after);
    },
  };

  /** What a replan alone says; the containers that keep everything come back. */
  function adopt({ plan: next, affected, atMs }: Extract<SupervisionEvent, { kind: "replan" }>): Set<ContainerName> {
    const kept = new Set<ContainerName>();
    const coming = new Map(membersOf(next).map((member) => [member.name, member]));
    plan = next;
    for (const [name, w] of [...watched].filter(([name]) => !coming.has(name))) {
      watched.delete(name);
      leaving.set(name, w);
      w.wishedDownAtMs ??= atMs;
      [w.withoutGoalSinceMs, w.hasGoal] = [null, false];
      forgetIfDown(name);
    }
    for (const [name, member] of coming) {
      const w = watched.get(name) ?? leaving.get(name);
      if (w === undefined) watched.set(name, fresh(member));
      else if (watched.has(name) && !affected.has(name)) kept.add(name);
      else {
        leaving.delete(name);
        watched.set(name, w);
        w.member = member;
        w.wishedDownAtMs ??= atMs;
        [w.userStopped, w.left, w.hasGoal, w.withoutGoalSinceMs] = [false, false, false, null];
        [w.retries, w.pauseMs, w.notBeforeMs] = [0, 0, 0];
      }
    }
    return kept;
  }

  function forgetIfDown(name: ContainerName): void {
    const { status, alive, dirty, unanswered } = of(name);
    if (status !== "STOPPED") return;
    rule(!alive && !dirty && unanswered === null, `${name}: forgotten when it is down`);
    leaving.delete(name);
  }

  function check(
    w: Watched,
    was: Watched,
    effect: Exclude<Effect, { kind: "goals" | "allStopped" }>,
    event: SupervisionEvent,
  ) {
    const { name, recovery, goal } = w.member;
    switch (effect.kind) {
      case "status":
        rule(effect.from === w.status && effect.from !== effect.to, `${name}: changes of status follow each other`);
        w.status = effect.to;
        w.stableAtMs = null;
        if (goingDown && effect.from === "MOUNTED") {
          const processes = everybody().filter((other) => other.alive || other.unanswered === "start");
          rule(processes.length === 0, `${name}: volumes go when no process is left`);
        }
        if (effect.to === goal) {
          [w.hasGoal, w.withoutGoalSinceMs] = [true, null];
          const stableTimeoutMs = recovery?.stableTimeoutMs ?? 0;
          if (goal !== "MOUNTED" && stableTimeoutMs > 0) w.stableAtMs = event.atMs + stableTimeoutMs;
        } else if (effect.from === goal) {
          w.hasGoal = false;
          const wished = event.kind === "request" || event.kind === "shutdown" || event.kind === "replan";
          w.withoutGoalSinceMs = wished ? null : event.atMs;
        }
        return;
      case "mount":
        rule(begun && !goingDown && !w.userStopped && !leaving.has(name), `${name}: mounted only when it may run`);
        rule(w.unanswered === null && !w.alive && !w.dirty && !w.over, `${name}: released before the next mount`);
        rule(event.atMs >= w.notBeforeMs, `${name}: not mounted before its pause is over`);
        [w.unanswered, w.dirty, w.saidReady, w.left] = ["mount", true, false, false];
        [w.wishedDownAtMs, w.killed] = [null, false];
        w.withoutGoalSinceMs ??= event.atMs;
        return;
      case "start":
        rule(
          !goingDown && !w.userStopped && !leaving.has(name) && goal !== "MOUNTED",
          `${name}: started only when it may run`,
        );
        rule(w.unanswered === null && !w.alive && w.dirty && !w.over, `${name}: one start at a time, after the mount`);
        w.unanswered = "start";
        return;
      case "stop":
        rule(w.alive && w.wishedDownAtMs !== null && !w.killed, `${name}: asked to halt by wish, while it runs`);
        return;
      case "kill": {
        rule(w.alive || w.unanswered === "start", `${name}: killed only while there is something to kill`);
        rule(w.wishedDownAtMs !== null && event.atMs >= w.wishedDownAtMs + plan.stopGraceMs, `${name}: has its grace`);
        w.killed = true;
        return;
      }
      case "release":
        rule(w.unanswered === null && !w.alive && w.dirty, `${name}: released when nothing of it runs`);
        w.unanswered = "release";
        return;
      case "recovering": {
        const used = forgiven(was, event.atMs) ? 0 : was.retries;
        rule(recovery !== null && !w.userStopped && !goingDown, `${name}: recovered by its policy only`);
        rule(!endedWell(recovery.policy, effect.end), `${name}: exit code 0 is no failure`);
        rule(recovery.maxRetries === 0 || effect.retry <= recovery.maxRetries, `${name}: never more than max_retries`);
        rule(effect.retry === used + 1, `${name}: retries count one by one`);
        const grown = Math.round(recovery.retryDelayMs * recovery.backoffFactor ** used);
        rule(
          effect.delayMs === Math.min(grown, Math.max(3_600_000, recovery.retryDelayMs)),
          `${name}: delay by the formula`,
        );
        [w.retries, w.pauseMs] = [effect.retry, effect.delayMs];
        return;
      }
      case "gaveUp":
        rule(
          recovery !== null && usedUp(was, event.atMs) && recovery.backoffPolicy.kind !== "reboot",
          `${name}: gave up`,
        );
        rule(
          effect.pauseMs === (recovery.backoffPolicy.kind === "wait" ? recovery.backoffPolicy.ms : null),
          `${name}: pauses`,
        );
        if (effect.pauseMs === null) w.left = true;
        else [w.retries, w.pauseMs] = [0, effect.pauseMs];
        return;
      case "revisionFailed":
        rule(
          recovery === null || (usedUp(was, event.atMs) && recovery.backoffPolicy.kind === "reboot"),
          `${name}: fails the revision without recovery only`,
        );
        w.left = true;
        return;
      case "finished":
        rule(event.kind === "exited" && endedWell(recovery?.policy, event.end), `${name}: finished with exit code 0`);
        w.left = true;
        if (was.hasGoal || (was.status === "STARTING" && goal === (was.saidReady ? "READY" : "STARTED"))) {
          [w.hasGoal, w.withoutGoalSinceMs] = [true, null];
        }
        return;
      case "stable":
        rule(w.stableAtMs !== null && w.stableAtMs <= event.atMs && w.alive, `${name}: stable in its time`);
        w.stableAtMs = null;
        return;
    }
  }

  function checkStanding(event: SupervisionEvent, effects: readonly Effect[], after: Supervision): void {
    const results = plan.groups.map((group) => groupResult(group.members.map(({ name }) => standing(of(name)))));
    const heldBy = (group: string) =>
      results
        .slice(
          0,
          plan.groups.findIndex(({ name }) => name === group),
        )
        .includes("pending");
    if (begun && !goingDown) rule(told === groupResult(results), "the goals that were told are the goals as they are");
    for (const effect of effects) {
      if (effect.kind === "mount")
        rule(!heldBy(of(effect.name).member.group), `${effect.name}: waits for earlier groups`);
    }
    for (const [name, w] of watched) {
      const held = heldBy(w.member.group);
      if (begun) rule(w.status !== "NONE", `${name}: begins with the revision`);
      if (begun && w.status === "INSTALLED") rule(w.unanswered === "mount", `${name}: nothing waits without a reason`);
      if (w.status === "BLOCKED") rule(held && !w.userStopped, `${name}: blocked only by an earlier group`);
      if (event.kind === "tick" && w.status === "RECOVERING") rule(w.notBeforeMs > event.atMs, `${name}: pause ends`);
      if (w.userStopped || goingDown) rule(!running.includes(w.status), `${name}: down when it was wished down`);
      const view = containerView(after, name);
      rule(view.status === w.status && view.userStopped === w.userStopped, `${name}: shown as it is`);
      rule((view.pid !== null) === w.alive, `${name}: has a pid while its process lives`);
      if (allStopped > 0) rule(w.status === "STOPPED", `${name}: stopped at the end`);
    }
    for (const [name, w] of leaving) {
      rule(w.status === "STOPPING", `${name}: on its way down while it is leaving`);
      rule(after.leaving.has(name) && !after.containers.has(name), `${name}: not in the plan any more`);
    }
    rule(after.leaving.size === leaving.size, "whoever is down is forgotten");
    rule(
      Bun.deepEquals(
        [...after.containers.keys()],
        membersOf(plan).map(({ name }) => name),
      ),
      "all of the plan, in order",
    );
    for (const w of everybody()) {
      const doomed = w.wishedDownAtMs !== null && w.wishedDownAtMs + plan.stopGraceMs <= event.atMs;
      if (event.kind === "tick" && doomed && w.alive) rule(w.killed, `${w.member.name}: killed after its grace`);
    }
    const reasons = everybody().flatMap(deadlines);
    rule(
      nextDeadline(after) === (reasons.length === 0 ? null : Math.min(...reasons)),
      "wakes for a reason only, in time",
    );
    const late = event.kind === "tick" && reasons.some((dueMs) => dueMs <= event.atMs);
    rule(!late, "a tick leaves nothing due");
    rule(allStopped <= 1, "all stopped is told once");
  }

  function deadlines(w: Watched): readonly number[] {
    const { status, member, stableAtMs, withoutGoalSinceMs: since, wishedDownAtMs: wished } = w;
    return [
      ...(status === "RECOVERING" ? [w.notBeforeMs] : []),
      ...(stableAtMs === null ? [] : [stableAtMs]),
      ...(since === null || goingDown || standing(w) !== "pending" ? [] : [since + member.goalTimeoutMs]),
      ...(wished === null || w.killed || !(w.alive || w.unanswered === "start") ? [] : [wished + plan.stopGraceMs]),
    ];
  }

  function standing(w: Watched): GoalResult | "neutral" {
    if (w.userStopped) return "neutral";
    if (w.hasGoal) return "reached";
    const { withoutGoalSinceMs: since, member } = w;
    const missed = since !== null && (member.goalTimeoutMs === 0 || lastTickMs >= since + member.goalTimeoutMs);
    return missed ? "missed" : "pending";
  }
}

/** What an event alone says about its container. */
function heed(w: Watched, event: Extract<SupervisionEvent, { name: ContainerName }>): void {
  switch (event.kind) {
    case "mounted":
      w.unanswered = null;
      return;
    case "mountFailed":
    case "startFailed":
      [w.unanswered, w.over] = [null, true];
      return;
    case "started":
      [w.unanswered, w.alive, w.startedAtMs] = [null, true, event.atMs];
      return;
    case "exited":
      if (w.unanswered === "start") w.unanswered = null;
      [w.alive, w.over] = [false, true];
      return;
    case "released":
      [w.unanswered, w.over, w.dirty] = [null, false, false];
      [w.notBeforeMs, w.pauseMs] = [event.atMs + w.pauseMs, 0];
      return;
    case "ready":
      if (w.status === "STARTING") w.saidReady = true;
      return;
    case "request":
      if (event.action === "start" && running.includes(w.status)) return;
      [w.withoutGoalSinceMs, w.pauseMs, w.notBeforeMs] = [null, 0, 0];
      w.userStopped = event.action === "stop";
      if (event.action !== "start") w.wishedDownAtMs ??= event.atMs;
      if (event.action === "stop") return;
      [w.retries, w.left] = [0, false];
      if (!running.includes(w.status)) w.hasGoal = false;
  }
}

const membersOf = ({ groups }: Plan): readonly Member[] => groups.flatMap(({ members }) => members);

function groupResult(members: readonly (GoalResult | "neutral")[]): GoalResult {
  if (members.includes("missed")) return "missed";
  return members.includes("pending") ? "pending" : "reached";
}

const endedWell = (policy: string | undefined, end: RunEnd): boolean =>
  policy === "on-failure" && end.kind === "exit" && end.code === 0;

const forgiven = ({ member: { recovery }, alive, startedAtMs }: Watched, atMs: number): boolean =>
  recovery !== null && recovery.resetWindowMs > 0 && alive && atMs - startedAtMs > recovery.resetWindowMs;

const usedUp = (w: Watched, atMs: number): boolean =>
  w.member.recovery !== null &&
  w.member.recovery.maxRetries > 0 &&
  w.retries === w.member.recovery.maxRetries &&
  !forgiven(w, atMs);

function fail(name: ContainerName): never {
  throw new Error(`no container ${name}`);
}
