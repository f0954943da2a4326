/**
 * A simulated device: carries out effects in any order it likes, fails as told, and lets the oracle watch. Injected:
 * mounts and starts that fail, processes that end in any way at any moment (before their start is answered too), that
 * ignore the halt signal, late ticks, wishes of users, ready signals and replans whenever. Not injected: work that is
 * never answered, and processes that survive SIGKILL; nobody could supervise those.
 */
import {
  type Effect,
  expectsReady,
  nextDeadline,
  type Plan,
  type ProcessEnd,
  type RequestAction,
  requestRefusal,
  type Supervision,
  step,
  supervision,
} from "../../runtime/supervise/index.ts";
import { type Oracle, oracle } from "./oracle.ts";
import {
  exited,
  type Happening,
  mounted,
  mountFailed,
  ready,
  released,
  request,
  shutdown,
  started,
  startFailed,
  tick,
} from "./scene.ts";
import type { Watched } from "./watched.ts";

/**
 * One thing that may happen; `which` picks among the containers it can happen to, and nothing happens when there is
 * none.
 */
export type Move =
  | { readonly do: "answer"; readonly which: number; readonly fails: boolean }
  | { readonly do: "end"; readonly which: number; readonly end: ProcessEnd; readonly late: boolean }
  | { readonly do: "ready"; readonly which: number }
  | { readonly do: "wish"; readonly which: number; readonly action: RequestAction }
  | { readonly do: "wait"; readonly ms: number; readonly lazy: boolean }
  /** `more`: affected besides those whose definition is another, among the members of the new plan. */
  | { readonly do: "replan"; readonly plan: Plan; readonly more: readonly number[] }
  | { readonly do: "begin" | "shutdown" };

export interface World {
  readonly oracle: Oracle;
  play(move: Move): void;
  /**
   * No faults any more: work is answered, processes run, say that they are ready, and go when they are asked to or
   * killed. Until nothing is due. `stubborn`: they only go when they are killed.
   */
  calm(stubborn: boolean): void;
}

/** `listen` hears every effect. */
export function world(plan: Plan, listen: (effect: Effect) => void = () => {}): World {
  let now = supervision(plan);
  let [atMs, pid, calmSteps] = [0, 100, 0];
  const watch = oracle(plan);
  const all = (): readonly Watched[] => [...watch.watched.values(), ...watch.leaving.values()];
  const asked = new Set<string>();
  const lateStarts = new Set<string>();

  function send(happening: Happening, effective = true): readonly Effect[] {
    const event = { ...happening, atMs };
    const [next, effects] = step(now, event);
    watch.see(event, effective, effects, next);
    if (event.kind === "replan") untouched(now, next, event.affected);
    now = next;
    for (const effect of effects) {
      listen(effect);
      if (effect.kind === "stop" || effect.kind === "kill") asked.add(effect.name);
      if (effect.kind === "mount") asked.delete(effect.name);
    }
    return effects;
  }

  function answer({ member: { name }, unanswered }: Watched, fails: boolean): void {
    if (unanswered === "mount") send(fails ? mountFailed(name) : mounted(name));
    if (unanswered === "start") send(fails ? startFailed(name) : started(name, ++pid));
    if (unanswered === "release") {
      if (lateStarts.delete(name)) send(started(name, ++pid), false);
      send(released(name));
    }
  }

  function replan(plan: Plan, more: readonly number[]): void {
    const members = plan.groups.flatMap((group) => group.members);
    const changed = members.filter(({ name }, i) => {
      const { member } = now.containers.get(name) ?? {};
      return member !== undefined && (more.includes(i) || !Bun.deepEquals(member, members[i]));
    });
    send({ kind: "replan", plan, affected: new Set(changed.map(({ name }) => name)) });
  }

  function waitUntil(endMs: number): void {
    for (let due = nextDeadline(now); due !== null && due <= endMs; due = nextDeadline(now)) {
      atMs = Math.max(atMs, due);
      send(tick);
    }
    atMs = endMs;
  }

  return {
    oracle: watch,
    play(move) {
      switch (move.do) {
        case "answer": {
          const busy = pick(all(), move.which, ({ unanswered }) => unanswered !== null);
          if (busy) answer(busy, move.fails);
          return;
        }
        case "end": {
          const living = pick(all(), move.which, ({ alive, unanswered }) => alive || unanswered === "start");
          if (living === undefined) return;
          const { name } = living.member;
          if (living.unanswered === "start" && move.late) lateStarts.add(name);
          send({ ...exited(name, 0), end: move.end } as Happening);
          return;
        }
        case "ready": {
          const any = pick(all(), move.which, () => true);
          if (any) send(ready(any.member.name), expectsReady(now, any.member.name));
          return;
        }
        case "wish": {
          const any = pick(all(), move.which, () => true);
          if (any === undefined) return;
          const { name } = any.member;
          send(request(name, move.action), requestRefusal(now, name, move.action) === null);
          return;
        }
        case "wait":
          if (!move.lazy) return waitUntil(atMs + move.ms);
          atMs += move.ms;
          send(tick);
          return;
        case "replan":
          replan(move.plan, move.more);
          return;
        case "begin":
        case "shutdown":
          send(move.do === "begin" ? { kind: "begin" } : shutdown);
      }
    },
    calm(stubborn) {
      for (;;) {
        if (calmSteps++ > 5_000) throw new Error("it does not come to rest");
        const busy = all().find(({ unanswered }) => unanswered !== null);
        const quiet = all().find(({ status, member }) => status === "STARTED" && member.goal === "READY");
        const leaving = all().find(
          ({ alive, killed, member }) => alive && asked.has(member.name) && (killed || !stubborn),
        );
        if (busy) answer(busy, false);
        else if (leaving) send(exited(leaving.member.name, 0));
        else if (quiet) send(ready(quiet.member.name));
        else {
          const due = nextDeadline(now);
          if (due === null) return;
          atMs = Math.max(atMs, due);
          send(tick);
        }
      }
    },
  };
}

/** Whoever is in both plans and not affected is what it was, unless it waited for earlier groups. */
function untouched(before: Supervision, after: Supervision, affected: ReadonlySet<string>): void {
  for (const [name, was] of before.containers) {
    const is = after.containers.get(name);
    if (is === undefined || affected.has(name) || was.phase.at === "waiting") continue;
    if (!Bun.deepEquals(was, is)) throw new Error(`a replan changed ${name}`);
  }
}

function pick(all: readonly Watched[], which: number, fits: (watched: Watched) => boolean): Watched | undefined {
  const fitting = all.filter(fits);
  return fitting[which % Math.max(1, fitting.length)];
}
