import type { ContainerName } from "../state/index.ts";
import { type Draft, draftOf, happen, move } from "./draft.ts";
import { groupGoal, worst } from "./goals.ts";
import {
  type Effect,
  known,
  type Plan,
  type Supervised,
  type Supervision,
  type SupervisionEvent,
  unbegun,
} from "./model.ts";
import { armed } from "./moves.ts";
import { expectsReady, requestRefusal } from "./queries.ts";
import { replan } from "./replan.ts";

/** Before anything happened: every container is NONE. */
export function supervision(plan: Plan): Supervision {
  const members = plan.groups.flatMap((group) => group.members);
  return {
    plan,
    life: "new",
    containers: new Map(members.map((member) => [member.name, unbegun(member)])),
    leaving: new Map(),
    goals: null,
  };
}

/**
 * What is known, and what happened, give what is known now and what is to be done, in this order. Never throws for a
 * container that is in the plan or leaving, whatever comes in whatever order.
 */
export function step(before: Supervision, event: SupervisionEvent): readonly [Supervision, readonly Effect[]] {
  const draft = draftOf(before);
  if (event.kind === "replan") replan(draft, event);
  else for (const name of concerned(draft, event)) happen(draft, name, event);
  if (event.kind === "begin" && draft.life === "new") draft.life = "running";
  if (event.kind === "shutdown" && draft.life !== "down") draft.life = "stopping";
  if (draft.life === "running") {
    goUp(draft, event.atMs);
    tellGoals(draft);
  }
  if (draft.life === "stopping") goDown(draft);
  const { effects, ...after } = draft;
  return [after, effects];
}

/** The containers whose row of the table is to be asked. */
function concerned(
  supervision: Supervision,
  event: Exclude<SupervisionEvent, { kind: "replan" }>,
): readonly ContainerName[] {
  const all = [...supervision.containers.keys(), ...supervision.leaving.keys()];
  switch (event.kind) {
    case "begin":
      return supervision.life === "new" ? all : [];
    case "tick":
    case "shutdown":
      return all;
    case "ready":
      return expectsReady(supervision, event.name) ? [event.name] : [];
    case "request":
      return requestRefusal(supervision, event.name, event.action) === null ? [event.name] : [];
    default:
      return [event.name];
  }
}

/**
 * Everything that needs no event, in start order: a group sees what the groups before it have come to in this very
 * step.
 */
function goUp(draft: Draft, atMs: number): void {
  let held = false;
  for (const group of draft.plan.groups) {
    for (const { name } of group.members) {
      const container = known(draft.containers, name);
      const { phase, member, goalTimer } = container;
      if (phase.at === "waiting" && held) {
        move(draft, name, [{ ...container, phase: { at: "waiting", blocked: true } }, []]);
      } else if (phase.at === "waiting") {
        const timer = goalTimer.at === "unarmed" ? armed(member, atMs) : goalTimer;
        move(draft, name, [{ ...container, phase: { at: "mounting" }, goalTimer: timer }, [{ kind: "mount", name }]]);
      } else if (phase.at === "mounted" && member.goal !== "MOUNTED") {
        move(draft, name, [{ ...container, phase: { at: "starting", saidReady: false } }, [{ kind: "start", name }]]);
      }
    }
    held ||= groupGoal(draft.containers, group).result === "pending";
  }
}

function tellGoals(draft: Draft): void {
  const goals = draft.plan.groups.map((group) => groupGoal(draft.containers, group));
  if (draft.goals?.every(({ result }, i) => result === goals[i]?.result)) return;
  draft.goals = goals;
  draft.effects.push({ kind: "goals", result: worst(goals.map(({ result }) => result)), groups: goals });
}

/** Volumes without a process go last: those of others may stand on them. */
function goDown(draft: Draft): void {
  const all = [...draft.containers.values(), ...draft.leaving.values()];
  const at = (...phases: readonly Supervised["phase"]["at"][]) => all.every(({ phase }) => phases.includes(phase.at));
  if (at("stopped")) {
    draft.life = "down";
    draft.effects.push({ kind: "allStopped" });
  } else if (at("stopped", "mounted")) {
    for (const container of all.filter(({ phase }) => phase.at === "mounted")) {
      const { name } = container.member;
      move(draft, name, [
        { ...container, phase: { at: "releasing", after: { kind: "stay" } } },
        [{ kind: "release", name }],
      ]);
    }
  }
}
