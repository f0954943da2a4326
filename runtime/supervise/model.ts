/**
 * The supervision of one running revision, as types: what is known of each container, what may happen, what is to be
 * done. Plain immutable data; `transitions.ts` decides, `step.ts` puts the decisions together.
 *
 * ## The model
 * Groups start in their order. A group *holds* every later group back while one of its members is on its way to its
 * goal; a member that reached the goal, ran out of time, or was stopped by the user holds nothing. Inside a group all
 * start at once.
 *
 * A container is in one phase; the status that the control API shows (reference 4.1) follows from it:
 *
 * | phase             | status             | what is going on                                         | waits for            |
 * |-------------------|--------------------|----------------------------------------------------------|----------------------|
 * | `none`            | NONE               | known, the revision has not begun                        | begin                |
 * | `waiting`         | INSTALLED, BLOCKED | may start; BLOCKED while an earlier group holds it       | earlier groups       |
 * | `mounting`        | INSTALLED          | `mount` is being done                                    | mounted, mountFailed |
 * | `mounted`         | MOUNTED            | volumes are there; at rest only when that is the goal    | –                    |
 * | `starting`        | STARTING           | `start` is being done                                    | started, startFailed |
 * | `started`         | STARTED            | runs                                                     | exited, ready        |
 * | `ready`           | READY              | runs, and said so                                        | exited               |
 * | `cancellingMount` | STOPPING           | stopped while `mount` was being done                     | mounted, mountFailed |
 * | `cancellingStart` | STOPPING           | stopped while `start` was being done; killed after grace | started, startFailed |
 * | `halting`         | STOPPING           | asked to halt; killed after grace                        | exited               |
 * | `releasing`       | STOPPING           | nothing runs; cgroups are swept, volumes unmounted       | released             |
 * | `recovering`      | RECOVERING         | ended by itself, pauses before the next start            | tick                 |
 * | `stopped`         | STOPPED            | not running, nothing mounted                             | start, restart       |
 *
 * A container that a replan removed is *leaving*: it goes the way down in the same phases, outside the plan, and is
 * forgotten as soon as it is `stopped`.
 *
 * What every event does in every phase (`·`: nothing; it is late, impossible, or so already). The code in
 * `transitions.ts` is the same table, and a test holds it cell by cell. First the answers to effects and what the
 * container does:
 *
 * | phase             | mounted | mountFailed | started | startFailed | exited  | released | ready |
 * |-------------------|---------|-------------|---------|-------------|---------|----------|-------|
 * | `none`            | ·       | ·           | ·       | ·           | ·       | ·        | ·     |
 * | `waiting`         | ·       | ·           | ·       | ·           | ·       | ·        | ·     |
 * | `mounting`        | mounted | end         | ·       | ·           | ·       | ·        | ·     |
 * | `mounted`         | ·       | ·           | ·       | ·           | ·       | ·        | ·     |
 * | `starting`        | ·       | ·           | started | end         | end     | ·        | noted |
 * | `started`         | ·       | ·           | ·       | ·           | end     | ·        | ready |
 * | `ready`           | ·       | ·           | ·       | ·           | end     | ·        | ·     |
 * | `cancellingMount` | release | release     | ·       | ·           | ·       | ·        | ·     |
 * | `cancellingStart` | ·       | ·           | halting | release     | release | ·        | ·     |
 * | `halting`         | ·       | ·           | ·       | ·           | release | ·        | ·     |
 * | `releasing`       | ·       | ·           | ·       | ·           | ·       | after    | ·     |
 * | `recovering`      | ·       | ·           | ·       | ·           | ·       | ·        | ·     |
 * | `stopped`         | ·       | ·           | ·       | ·           | ·       | ·        | ·     |
 *
 * Then what the user wishes, what time and the device bring, and what another revision's plan means to it:
 *
 * | phase             | start   | stop    | restart | begin   | tick    | shutdown | replaced | removed |
 * |-------------------|---------|---------|---------|---------|---------|----------|----------|---------|
 * | `none`            | ·       | stopped | ·       | waiting | ·       | stopped  | renewed  | stopped |
 * | `waiting`         | ·       | stopped | ·       | ·       | ·       | stopped  | renewed  | stopped |
 * | `mounting`        | ·       | cancel  | ·       | ·       | ·       | cancel   | cancel   | cancel  |
 * | `mounted`         | ·       | release | ·       | ·       | ·       | · (last) | release  | release |
 * | `starting`        | ·       | cancel  | cancel  | ·       | ·       | cancel   | cancel   | cancel  |
 * | `started`         | ·       | halt    | halt    | ·       | stable  | halt     | halt     | halt    |
 * | `ready`           | ·       | halt    | halt    | ·       | stable  | halt     | halt     | halt    |
 * | `cancellingMount` | again   | stay    | again   | ·       | ·       | stay     | again    | stay    |
 * | `cancellingStart` | again   | stay    | again   | ·       | kill    | stay     | again    | stay    |
 * | `halting`         | again   | stay    | again   | ·       | kill    | stay     | again    | stay    |
 * | `releasing`       | again   | stay    | again   | ·       | ·       | stay     | again    | stay    |
 * | `recovering`      | waiting | stopped | waiting | ·       | waiting | stopped  | waiting  | stopped |
 * | `stopped`         | waiting | stopped | waiting | ·       | ·       | stopped  | waiting  | stopped |
 *
 * - `end`: the run ended by itself. Recovery is judged (`recovery.ts`), the container is released, and goes on as
 *   judged.
 * - `cancel`, `halt`, `release`: into `cancelling…`, `halting`, `releasing`. `after`: waiting, recovering or stopped,
 *   as decided then.
 * - `again`, `stay`: what comes after the release is changed, to a new start or to staying STOPPED. The last wish
 *   counts.
 * - `renewed`: stays where it is; like every replaced container it has the new definition and no past from then on.
 * - `noted`: the signal overtook `started`; the container will be READY at once.
 * - `(last)`: at shutdown all processes are asked to halt at once, and volumes without a process are released when
 *   none is left: killing precedes unmounting, and volumes of one container may be bound into another.
 *
 * Two moves need no event and follow every step: `waiting` to `mounting` when no earlier group holds the container,
 * and `mounted` to `starting` when there is something to start. Only the first asks for earlier groups: a start once
 * begun goes on.
 *
 * ## Goals
 * A member's goal is *reached* in MOUNTED, STARTED or READY as the goal says, and by a run that reached it and then
 * ended well (`on-failure`, exit code 0: a job that is done). A member that the user stopped is *neutral*. Otherwise
 * it is *pending*, until its timer makes it *missed*. A container that crashes, or was given up, is pending again and
 * holds later groups until its timer ends. The timer (the group's timeout) limits each stretch of time without the
 * goal: armed by the first `mount` and when a run that had the goal ends, disarmed by reaching the goal, never armed
 * anew by a recovery; so a crash loop cannot hold a group for ever. A group is missed when a member is, else pending
 * when a member is, else reached; the same holds for the revision over its groups. Missing a goal stops nothing: it
 * lets later groups start and is told as an effect. Inside an update it means rollback, and `update/` decides that.
 *
 * ## Replans
 * A `replan` takes what runs over to the plan of another revision (reference 4.5). A container of both plans that is
 * not affected keeps all it has, its process, timers and retries included. An affected one is *replaced*: it comes
 * down, and starts as if it were new, whatever it was before, stopped by the user too. One that only the old plan has
 * is *removed*; it is in no group and no view any more, but a shutdown waits for it. One that only the new plan has
 * begins, and so does one that comes back while it is still leaving, after its release. The goals are told anew, also
 * when they are what they were. Replans may follow each other at any time; during a shutdown they do nothing.
 */
import { invariant } from "../result.ts";
import type { AutoRecovery, ContainerName, StatusGoal } from "../state/index.ts";

/** Reference 4.1, as the control API prints it. */
export type Status =
  | "NONE"
  | "INSTALLED"
  | "BLOCKED"
  | "MOUNTED"
  | "STARTING"
  | "STARTED"
  | "READY"
  | "RECOVERING"
  | "STOPPING"
  | "STOPPED";

/** Where a group, or the whole revision, stands with its goals. */
export type GoalResult = "pending" | "reached" | "missed";
/** Where one member stands; `neutral`: stopped by the user, it counts for nothing. */
export type MemberGoal = GoalResult | "neutral";

/** A block that recovers: the policy `no` is gone. */
export type Recovery = AutoRecovery & { readonly policy: Exclude<AutoRecovery["policy"], "no"> };

/** One container as supervision needs it; made by `plan`. */
export interface Member {
  readonly name: ContainerName;
  readonly group: string;
  /** MOUNTED: it has volumes and no process, and is never started. */
  readonly goal: StatusGoal;
  /** The longest stretch of time without the goal before it counts as missed; 0: missed at once. */
  readonly goalTimeoutMs: number;
  /** null: never recovered. */
  readonly recovery: Recovery | null;
  /** `restart_policy: container`: the user may start and stop it (reference 8.2). */
  readonly controllable: boolean;
}

export interface PlannedGroup {
  readonly name: string;
  readonly members: readonly Member[];
}

/** What is to be supervised: groups in start order, members in the order of the state. */
export interface Plan {
  readonly groups: readonly PlannedGroup[];
  /** From asking a container to halt until it is killed. */
  readonly stopGraceMs: number;
}

/** How a run ended, or why it never began: the evidence that logs and progress records show. */
export type RunEnd =
  | { readonly kind: "mountFailed"; readonly reason: string }
  | { readonly kind: "startFailed"; readonly reason: string }
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: number };

/** What the init process of a container left behind. */
export type ProcessEnd = Extract<RunEnd, { kind: "exit" | "signal" }>;

/** `atMs`: monotonic milliseconds, not before the event ahead of it. Only `tick` makes deadlines count. */
export type SupervisionEvent =
  /** The revision's files are in place and good: start it. Once. */
  | { readonly kind: "begin"; readonly atMs: number }
  /** Some deadline of `nextDeadline` has come. A tick too early or too often is harmless. */
  | { readonly kind: "tick"; readonly atMs: number }
  /** Another revision's plan takes over, see Replans. `affected`: containers whose files or definition differ. */
  | {
      readonly kind: "replan";
      readonly plan: Plan;
      readonly affected: ReadonlySet<ContainerName>;
      readonly atMs: number;
    }
  /** The device goes down: everything stops, nothing starts any more. */
  | { readonly kind: "shutdown"; readonly atMs: number }
  | MemberEvent;

/**
 * Answers to effects, and what containers and users do. Naming a container that is neither in the plan nor leaving
 * breaks an invariant; `ready` and `request` of one that is not in the plan do nothing.
 */
export type MemberEvent =
  /** Answers `mount`. */
  | { readonly kind: "mounted"; readonly name: ContainerName; readonly atMs: number }
  /** Answers `mount`. What was mounted before the failure may still be: `release` follows. */
  | { readonly kind: "mountFailed"; readonly name: ContainerName; readonly reason: string; readonly atMs: number }
  /** Answers `start`: `pid` is the container's init process. */
  | { readonly kind: "started"; readonly name: ContainerName; readonly pid: number; readonly atMs: number }
  /** Answers `start`; a required driver that is missing, too. */
  | { readonly kind: "startFailed"; readonly name: ContainerName; readonly reason: string; readonly atMs: number }
  /**
   * The init process is gone. It may overtake `started`, which then may come late, before `released`, or not at all.
   */
  | { readonly kind: "exited"; readonly name: ContainerName; readonly end: ProcessEnd; readonly atMs: number }
  /** Answers `release`, also when something could not be cleaned up: the next mount will tell. */
  | { readonly kind: "released"; readonly name: ContainerName; readonly atMs: number }
  /** The container's own signal (reference 8.3). Does nothing unless `expectsReady`. */
  | { readonly kind: "ready"; readonly name: ContainerName; readonly atMs: number }
  /** The user's wish (reference 8.2). Does nothing when `requestRefusal` names a reason. */
  | { readonly kind: "request"; readonly name: ContainerName; readonly action: RequestAction; readonly atMs: number };

export type RequestAction = "start" | "stop" | "restart";

/**
 * What is to be done, in order. `mount`, `start` and `release` are work that must be answered by an event, whatever
 * comes of it; `stop` and `kill` are answered by `exited`; the others are news for logs, records, the control API and
 * `update/`.
 */
export type Effect =
  /** Mount the container's volumes. At most one `mount` or `start` of a container is unanswered. */
  | { readonly kind: "mount"; readonly name: ContainerName }
  /** Load its drivers and start it. */
  | { readonly kind: "start"; readonly name: ContainerName }
  /** Ask it to halt (`lxc.signal.halt`) and return at once; the grace runs here and ends in `kill`. */
  | { readonly kind: "stop"; readonly name: ContainerName }
  /** SIGKILL its init process. While `start` is unanswered: give the start up and answer it. */
  | { readonly kind: "kill"; readonly name: ContainerName }
  /** Remove what is left of it: loggers, cgroups, then mounts and loop devices. Nothing of it runs any more. */
  | { readonly kind: "release"; readonly name: ContainerName }
  | { readonly kind: "status"; readonly name: ContainerName; readonly from: Status; readonly to: Status }
  /** It ended by itself and will be started again `delayMs` after its release; `retry` counts from 1. */
  | {
      readonly kind: "recovering";
      readonly name: ContainerName;
      readonly end: RunEnd;
      readonly retry: number;
      readonly delayMs: number;
    }
  /** It ended by itself with exit code 0 under `on-failure`: it stays STOPPED, and nothing failed. */
  | { readonly kind: "finished"; readonly name: ContainerName }
  /**
   * Its retries are used up, and its backoff policy spares the revision: it stays STOPPED (`pauseMs` null) or starts
   * over after a pause. Inside an update this is a failure of the revision all the same (reference 3.6).
   */
  | {
      readonly kind: "gaveUp";
      readonly name: ContainerName;
      readonly end: RunEnd;
      readonly retries: number;
      readonly pauseMs: number | null;
    }
  /**
   * It ended by itself and is not recovered: no policy (`retries` 0), or retries used up and the backoff policy says
   * reboot. Inside an update: rollback. Outside: the device reboots. The container stays STOPPED, the others run on.
   */
  | { readonly kind: "revisionFailed"; readonly name: ContainerName; readonly end: RunEnd; readonly retries: number }
  /** It has held its goal for its `stable_timeout`. Only told for containers that have one. */
  | { readonly kind: "stable"; readonly name: ContainerName }
  /** The goals of a group changed, or the plan did; never told during a shutdown. */
  | { readonly kind: "goals"; readonly result: GoalResult; readonly groups: readonly GroupGoal[] }
  /** Shutdown is complete: every container is STOPPED. Told once. */
  | { readonly kind: "allStopped" };

/** `missing`: members that are pending or missed. */
export interface GroupGoal {
  readonly group: string;
  readonly result: GoalResult;
  readonly missing: readonly ContainerName[];
}

/** The init process of a started container. */
export interface Run {
  readonly pid: number;
  readonly startedAtMs: number;
  /** The goal is reached and `stable_timeout` is over. */
  readonly stable: boolean;
  /** When it becomes stable; null when the goal is not reached yet, or when it already is. */
  readonly stableAtMs: number | null;
}

/** What comes after a release. */
export type After =
  | { readonly kind: "stay" }
  | { readonly kind: "start" }
  | { readonly kind: "recover"; readonly delayMs: number };

/** See the table above. `killAtMs` is null once `kill` has been told. */
export type Phase =
  | { readonly at: "none" }
  | { readonly at: "waiting"; readonly blocked: boolean }
  | { readonly at: "mounting" }
  | { readonly at: "mounted" }
  | { readonly at: "starting"; readonly saidReady: boolean }
  | { readonly at: "started"; readonly run: Run }
  | { readonly at: "ready"; readonly run: Run }
  | { readonly at: "cancellingMount"; readonly after: After }
  | { readonly at: "cancellingStart"; readonly after: After; readonly killAtMs: number | null }
  | { readonly at: "halting"; readonly pid: number; readonly after: After; readonly killAtMs: number | null }
  | { readonly at: "releasing"; readonly after: After }
  | { readonly at: "recovering"; readonly untilMs: number }
  | { readonly at: "stopped" };

export type GoalTimer =
  | { readonly at: "unarmed" }
  | { readonly at: "running"; readonly untilMs: number }
  | { readonly at: "over" };

/** Everything known of one container. */
export interface Supervised {
  readonly member: Member;
  readonly phase: Phase;
  readonly goalTimer: GoalTimer;
  /** Recoveries since the counter was last cleared. */
  readonly retries: number;
  readonly userStopped: boolean;
  /** Its last run reached the goal and ended well. */
  readonly finished: boolean;
  /** How its last run ended that ended by itself. */
  readonly lastEnd: RunEnd | null;
}

/** The whole of supervision. Made by `supervision`, changed only by `step`; read it through the door's queries. */
export interface Supervision {
  readonly plan: Plan;
  readonly life: "new" | "running" | "stopping" | "down";
  /** Those of the plan, in its order. */
  readonly containers: ReadonlyMap<ContainerName, Supervised>;
  /** Those that a replan removed and that are not down yet. */
  readonly leaving: ReadonlyMap<ContainerName, Supervised>;
  /** As last told; null before `begin`. */
  readonly goals: readonly GroupGoal[] | null;
}

/** A container that nothing happened to yet. */
export const unbegun = (member: Member): Supervised => ({
  member,
  phase: { at: "none" },
  goalTimer: { at: "unarmed" },
  retries: 0,
  userStopped: false,
  finished: false,
  lastEnd: null,
});

export function known(containers: Supervision["containers"], name: ContainerName): Supervised {
  const container = containers.get(name);
  invariant(container !== undefined, `container ${name} is in the plan`);
  return container;
}
