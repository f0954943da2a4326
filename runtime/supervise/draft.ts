import type { ContainerName } from "../state/index.ts";
import { hasGoal, statusOf } from "./goals.ts";
import { type Effect, known, type Supervised, type Supervision } from "./model.ts";
import type { ContainerEvent, Moved } from "./moves.ts";
import { transition } from "./transitions.ts";

type Containers = Map<ContainerName, Supervised>;

/** One step's own copy, so that the parts of a step can work on it in turn. */
export interface Draft {
  plan: Supervision["plan"];
  life: Supervision["life"];
  containers: Containers;
  leaving: Containers;
  goals: Supervision["goals"];
  readonly effects: Effect[];
}

export const draftOf = (before: Supervision): Draft => ({
  ...before,
  containers: new Map(before.containers),
  leaving: new Map(before.leaving),
  effects: [],
});

/** Applies an event to a container of the plan, or to one that is leaving. */
export function happen(draft: Draft, name: ContainerName, event: ContainerEvent): void {
  move(draft, name, transition(known(homeOf(draft, name), name), event, draft.plan.stopGraceMs));
}

/**
 * Takes a move over: its change of status is told ahead of its effects, reaching the goal disarms the timer, and one
 * that is leaving is forgotten when it is down.
 */
export function move(draft: Draft, name: ContainerName, [after, effects]: Moved): void {
  const home = homeOf(draft, name);
  const [from, to] = [statusOf(known(home, name).phase), statusOf(after.phase)];
  if (from !== to) draft.effects.push({ kind: "status", name, from, to });
  draft.effects.push(...effects);
  if (home === draft.leaving && after.phase.at === "stopped") home.delete(name);
  else home.set(name, hasGoal(after) ? { ...after, goalTimer: { at: "unarmed" } } : after);
}

const homeOf = ({ containers, leaving }: Draft, name: ContainerName): Containers =>
  leaving.has(name) ? leaving : containers;
