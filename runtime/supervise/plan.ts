import { invariant } from "../result.ts";
import type { AutoRecovery, Container, Group, State } from "../state/index.ts";
import type { Member, Plan, Recovery } from "./model.ts";

export interface PlanConfig {
  /** `PV_UPDATER_GOALS_TIMEOUT`: for groups that give no timeout. */
  readonly goalsTimeoutMs: number;
  /** From the lenient halt signal until SIGKILL. */
  readonly stopGraceMs: number;
}

export interface PlanPart {
  /** The last group that is wanted, as in safe mode; those after it are left out. Default: all groups. */
  readonly upTo?: string;
}

/**
 * Says what of a state is to be supervised. Groups without members stay: they count as reached. Breaks an invariant
 * on a state that `parseState` would have refused: a container of no group, or with nothing to start and another goal
 * than MOUNTED; and on a state without the group `upTo`.
 */
export function plan(state: State, config: PlanConfig, { upTo }: PlanPart = {}): Plan {
  const { groups } = state.device;
  const last = upTo === undefined ? groups.length - 1 : groups.findIndex(({ name }) => name === upTo);
  invariant(upTo === undefined || last >= 0, `"${upTo}" is a group of the state`);
  for (const { name, group, config: lxc, statusGoal } of state.containers) {
    invariant(
      groups.some((known) => known.name === group),
      `container ${name} is in a group of the state, not in "${group}"`,
    );
    invariant(
      lxc !== null || statusGoal === "MOUNTED",
      `container ${name} has nothing to start and wants to be MOUNTED`,
    );
  }
  return {
    groups: groups.slice(0, last + 1).map((group) => ({
      name: group.name,
      members: state.containers.filter((c) => c.group === group.name).map((c) => member(c, group, config)),
    })),
    stopGraceMs: config.stopGraceMs,
  };
}

function member(container: Container, group: Group, config: PlanConfig): Member {
  return {
    name: container.name,
    group: group.name,
    goal: container.statusGoal,
    goalTimeoutMs: group.timeoutMs ?? config.goalsTimeoutMs,
    recovery: recovery(container.autoRecovery),
    controllable: container.restartPolicy === "container",
  };
}

function recovery(block: AutoRecovery | null): Recovery | null {
  if (block === null || block.policy === "no") return null;
  return { ...block, policy: block.policy };
}
