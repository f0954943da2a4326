import type { BackoffPolicy, ContainerName } from "../state/index.ts";
import type { MemberGoal, RequestAction, RunEnd, Status, Supervision } from "./model.ts";

/** The `auto_recovery` part of `GET /containers` (reference 8.2). */
export interface RecoveryView {
  readonly policy: "always" | "on-failure" | "unless-stopped";
  /** 0: unlimited. */
  readonly maxRetries: number;
  readonly currentRetries: number;
  /** 0: off. */
  readonly stableTimeoutMs: number;
  readonly isStable: boolean;
  readonly backoffPolicy: BackoffPolicy;
}

/** What supervision knows of one container. What the manifest says (roles, restart policy, goal as written) is in the state. */
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
export declare function containerView(supervision: Supervision, name: ContainerName): ContainerView;
/** READY unless a member misses its goal, then the status of the member that is farthest from running (reference 3.7). */
export declare function groupStatus(supervision: Supervision, group: string): Status;
/** The lowest of all groups, device-meta `pantavisor.status`; READY without groups. */
export declare function stateStatus(supervision: Supervision): Status;
/** Containers with a `stable_timeout` that are not stable yet but still may be: a commit waits for them (reference 3.4). */
export declare function awaitingStability(supervision: Supervision): readonly ContainerName[];
/** When to send `tick`, monotonic milliseconds; null: nothing is due. Ask again after every step. */
export declare function nextDeadline(supervision: Supervision): number | null;
/** Whether a `ready` signal of this container is accepted: its goal is READY, and it is starting or running. */
export declare function expectsReady(supervision: Supervision, name: ContainerName): boolean;
/** Why this request is refused, null when it is accepted. `name` may be anything: it comes from a path. */
export declare function requestRefusal(
  supervision: Supervision,
  name: string,
  action: RequestAction,
): RequestRefusal | null;
