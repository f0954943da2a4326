/** Where containers, groups and the revision stand with their goals (reference 3.2); the rules are in `model.ts`. */
import type {
  GoalResult,
  GroupGoal,
  MemberGoal,
  Phase,
  PlannedGroup,
  Status,
  Supervised,
  Supervision,
} from "./model.ts";
import { known } from "./model.ts";

export function statusOf(phase: Phase): Status {
  switch (phase.at) {
    case "none":
      return "NONE";
    case "waiting":
      return phase.blocked ? "BLOCKED" : "INSTALLED";
    case "mounting":
      return "INSTALLED";
    case "mounted":
      return "MOUNTED";
    case "starting":
      return "STARTING";
    case "started":
      return "STARTED";
    case "ready":
      return "READY";
    case "cancellingMount":
    case "cancellingStart":
    case "halting":
    case "releasing":
      return "STOPPING";
    case "recovering":
      return "RECOVERING";
    case "stopped":
      return "STOPPED";
  }
}

/** READY is only ever entered by containers whose goal it is, so that a status is never "beyond" its goal. */
export function hasGoal({ member, phase, finished }: Supervised): boolean {
  return finished || statusOf(phase) === member.goal;
}

export function memberGoal(container: Supervised): MemberGoal {
  if (container.userStopped) return "neutral";
  if (hasGoal(container)) return "reached";
  return container.goalTimer.at === "over" ? "missed" : "pending";
}

/** Neutral members count for nothing, so that a group of nothing else, or of nobody, is reached. */
export function worst(results: readonly MemberGoal[]): GoalResult {
  if (results.includes("missed")) return "missed";
  return results.includes("pending") ? "pending" : "reached";
}

export function groupGoal(containers: Supervision["containers"], { name, members }: PlannedGroup): GroupGoal {
  const standing = members.map((member) => ({ name: member.name, goal: memberGoal(known(containers, member.name)) }));
  return {
    group: name,
    result: worst(standing.map(({ goal }) => goal)),
    missing: standing.filter(({ goal }) => goal === "pending" || goal === "missed").map((member) => member.name),
  };
}
