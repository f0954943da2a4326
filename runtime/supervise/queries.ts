import { invariant } from "../result.ts";
import type { BackoffPolicy, ContainerName } from "../state/index.ts";
import { groupGoal, memberGoal, statusOf, worst } from "./goals.ts";
import {
  type GoalResult,
  known,
  type MemberGoal,
  type Phase,
  type Recovery,
  type RequestAction,
  type RunEnd,
  type Status,
  type Supervised,
  type Supervision,
} from "./model.ts";

/** The `auto_recovery` part of `GET /containers` (reference 8.2). */
export interface RecoveryView {
  readonly policy: Recovery["policy"];
  /** 0: unlimited. */
  readonly maxRetries: number;
  readonly currentRetries: number;
  /** 0: off. */
  readonly stableTimeoutMs: number;
  readonly isStable: boolean;
  readonly backoffPolicy: BackoffPolicy;
}

/**
 * What supervision knows of one container. What the manifest says (roles, restart policy, goal as written) is in the
 * state.
 */
export interface ContainerView {
  readonly name: ContainerName;
  readonly group: string;
  readonly status: Status;
  readonly goal: MemberGoal;
  /** Its init process, from `started` until `exited`. */
  readonly pid: number | null;
  readonly userStopped: boolean;
  /** null: no policy is active. */
  readonly autoRecovery: RecoveryView | null;
  /** How its last run ended, if it ended by itself. */
  readonly lastEnd: RunEnd | null;
}

/** Why a request of the control API is refused; 404, 403, 400 and 503 in this order. */
export type RequestRefusal =
  | { readonly kind: "unknownContainer" }
  | { readonly kind: "notControllable" }
  | { readonly kind: "wrongStatus"; readonly status: Status }
  | { readonly kind: "shuttingDown" };

/** One container; breaks an invariant when the plan has none of that name. */
export function containerView(supervision: Supervision, name: ContainerName): ContainerView {
  const container = known(supervision.containers, name);
  return {
    name,
    group: container.member.group,
    status: statusOf(container.phase),
    goal: memberGoal(container),
    pid: pidOf(container.phase),
    userStopped: container.userStopped,
    autoRecovery: recoveryView(container),
    lastEnd: container.lastEnd,
  };
}

function pidOf(phase: Phase): number | null {
  if ("run" in phase) return phase.run.pid;
  return phase.at === "halting" ? phase.pid : null;
}

function recoveryView(container: Supervised): RecoveryView | null {
  const { recovery } = container.member;
  if (recovery === null) return null;
  return {
    policy: recovery.policy,
    maxRetries: recovery.maxRetries,
    currentRetries: container.retries,
    stableTimeoutMs: recovery.stableTimeoutMs,
    isStable: isStable(container),
    backoffPolicy: recovery.backoffPolicy,
  };
}

/** Volumes alone cannot die: they are stable as soon as they are mounted. */
const isStable = ({ phase }: Supervised): boolean => phase.at === "mounted" || ("run" in phase && phase.run.stable);

/**
 * From no use at all to running. RECOVERING, STOPPING and STOPPED rank low here, although their numbers are high in
 * the original: a group whose member crashed must not read as better than one that still starts.
 */
const ranks: readonly Status[] = [
  "NONE",
  "STOPPED",
  "STOPPING",
  "RECOVERING",
  "INSTALLED",
  "BLOCKED",
  "MOUNTED",
  "STARTING",
  "STARTED",
  "READY",
];

const lowest = (statuses: readonly Status[]): Status => ranks.find((status) => statuses.includes(status)) ?? "READY";

/**
 * READY unless a member misses its goal, then the status of the member that is farthest from running (reference 3.7).
 * Breaks an invariant when the plan has no such group.
 */
export function groupStatus(supervision: Supervision, group: string): Status {
  const planned = supervision.plan.groups.find(({ name }) => name === group);
  invariant(planned !== undefined, `group ${group} is in the plan`);
  const members = planned.members.map(({ name }) => known(supervision.containers, name));
  const missing = members.filter((member) => ["pending", "missed"].includes(memberGoal(member)));
  return lowest(missing.map(({ phase }) => statusOf(phase)));
}

/** The lowest of all groups, device-meta `pantavisor.status`; READY without groups. */
export function stateStatus(supervision: Supervision): Status {
  return lowest(supervision.plan.groups.map(({ name }) => groupStatus(supervision, name)));
}

/** Where the whole revision stands with its goals: missed when a group is, else pending when a group is. */
export function allGoals({ plan, containers }: Supervision): GoalResult {
  return worst(plan.groups.map((group) => groupGoal(containers, group).result));
}

/**
 * Containers with a `stable_timeout` that are not stable yet but still may be: a commit waits for them (reference
 * 3.4). Not among them: what was stopped by the user, and what ended and stays down. Ask again after every step: a
 * container leaves the list without an effect of its own.
 */
export function awaitingStability(supervision: Supervision): readonly ContainerName[] {
  return [...supervision.containers.values()].filter(mayBecomeStable).map(({ member }) => member.name);
}

function mayBecomeStable(container: Supervised): boolean {
  const { member, phase, userStopped } = container;
  if (member.goal === "MOUNTED" || (member.recovery?.stableTimeoutMs ?? 0) === 0) return false;
  const staysDown = phase.at === "stopped" || ("after" in phase && phase.after.kind === "stay");
  return !isStable(container) && !userStopped && !staysDown;
}

/** When to send `tick`, monotonic milliseconds; null: nothing is due. Ask again after every step. */
export function nextDeadline(supervision: Supervision): number | null {
  const { containers, leaving } = supervision;
  const deadlines = [...containers.values(), ...leaving.values()].flatMap(deadlinesOf);
  return deadlines.length === 0 ? null : Math.min(...deadlines);
}

function deadlinesOf({ phase, goalTimer }: Supervised): readonly number[] {
  const goal = goalTimer.at === "running" ? goalTimer.untilMs : null;
  const own = phaseDeadline(phase);
  return [goal, own].filter((atMs) => atMs !== null);
}

function phaseDeadline(phase: Phase): number | null {
  switch (phase.at) {
    case "started":
    case "ready":
      return phase.run.stableAtMs;
    case "cancellingStart":
    case "halting":
      return phase.killAtMs;
    case "recovering":
      return phase.untilMs;
    default:
      return null;
  }
}

/**
 * Whether a `ready` signal of this container is accepted: it is in the plan, its goal is READY, and it is starting or
 * running.
 */
export function expectsReady(supervision: Supervision, name: ContainerName): boolean {
  const container = supervision.containers.get(name);
  if (container === undefined) return false;
  const { member, phase } = container;
  return member.goal === "READY" && (phase.at === "starting" || "run" in phase);
}

const startable: readonly Status[] = ["STARTING", "STARTED", "READY", "STOPPING", "STOPPED", "RECOVERING"];

/**
 * Why this request is refused, null when it is accepted. `name` may be anything: it comes from a path. A stop is good
 * in every status: a container that was not started yet then stays down.
 */
export function requestRefusal(supervision: Supervision, name: string, action: RequestAction): RequestRefusal | null {
  const container = supervision.containers.get(name as ContainerName);
  if (container === undefined) return { kind: "unknownContainer" };
  if (!container.member.controllable) return { kind: "notControllable" };
  const status = statusOf(container.phase);
  if (action !== "stop" && !startable.includes(status)) return { kind: "wrongStatus", status };
  return supervision.life === "stopping" || supervision.life === "down" ? { kind: "shuttingDown" } : null;
}

/** The refusal as a sentence for whoever asked, with what to do about it. */
export function explainRefusal(refusal: RequestRefusal, name: string): string {
  switch (refusal.kind) {
    case "unknownContainer":
      return `this revision has no container ${JSON.stringify(name)}: see "cairn ctl containers ls"`;
    case "notControllable":
      return `container ${name} has restart_policy "system": only a new revision or a reboot starts or stops it`;
    case "wrongStatus":
      return `container ${name} is ${refusal.status}: it can be started or restarted from STARTING on, or when it is down`;
    case "shuttingDown":
      return `container ${name} stays as it is: the device is going down`;
  }
}
