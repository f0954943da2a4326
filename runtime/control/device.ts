import type { Commands, Metadata, Objects, Steps, Storage } from "./ports.ts";

/** What the control API shows and asks of the device. Plain data, in the reference's words (sections 2.8, 4.1, 8.2). */

export type ContainerStatus =
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

export type StatusGoal = "MOUNTED" | "STARTED" | "READY";
export type RestartPolicy = "system" | "container";

export type Backoff =
  | { readonly kind: "reboot" }
  | { readonly kind: "never" }
  | { readonly kind: "wait"; readonly ms: number };

export interface ContainerView {
  readonly name: string;
  readonly group: string;
  readonly status: ContainerStatus;
  readonly statusGoal: StatusGoal;
  readonly restartPolicy: RestartPolicy;
  readonly roles: readonly string[];
  /** null: no policy is active. */
  readonly autoRecovery: {
    readonly policy: "no" | "always" | "on-failure" | "unless-stopped";
    readonly maxRetries: number;
    readonly currentRetries: number;
    readonly stableTimeoutMs: number;
    readonly isStable: boolean;
    readonly backoffPolicy: Backoff;
  } | null;
  readonly userStopped: boolean;
  /** Of the container's init, as the host sees it; null while there is none. */
  readonly pid: number | null;
}

export interface GroupView {
  readonly name: string;
  readonly statusGoal: StatusGoal;
  readonly restartPolicy: RestartPolicy;
  /** The roll-up of reference 3.7. */
  readonly status: ContainerStatus;
  readonly autoRecovery: {
    readonly policy: "no" | "always" | "on-failure" | "unless-stopped";
    readonly maxRetries: number;
    readonly stableTimeoutMs: number;
    readonly backoffPolicy: Backoff;
  } | null;
}

/** `value` must not hold a secret: whoever has role mgmt reads it. */
export interface ConfigView {
  readonly key: string;
  readonly value: string;
  readonly modified: string;
  /** The older dotted spelling, and the value as it is encoded under that name; null: the key never had one. */
  readonly legacy: { readonly alias: string; readonly value: string | number | boolean | null } | null;
}

export type ContainerAction = "start" | "stop" | "restart";

/** Why a container is not started or stopped (reference 8.2); `why` is shown to the caller. */
export interface RequestRefusal {
  readonly kind: "unknownContainer" | "notControllable" | "wrongStatus" | "shuttingDown";
  readonly why: string;
}

/** What a control socket needs of the running device. What is asked here is answered at once from what is known; the rest is in ports. */
export interface Device {
  /** In document order. */
  containers(): readonly ContainerView[];
  /** Memory of the container's cgroup (`memory.current`), null when it has none. */
  memoryBytes(container: string): number | null;
  /** In start order. */
  groups(): readonly GroupView[];
  config(): readonly ConfigView[];
  buildinfo(): string;
  /** Does a container of the running revision export or require a service of the mesh? */
  usesMesh(): boolean;
  /** Does the container name drivers that it loads itself? */
  hasManualDrivers(container: string): boolean;
  /** A container says that it is ready. False: its goal is not READY, so nobody waits for that. */
  signalReady(container: string): boolean;
  /** Begins to start, stop or restart; null: it is accepted. `container` is whatever the caller wrote. */
  request(container: string, action: ContainerAction): RequestRefusal | null;
  readonly steps: Steps;
  readonly objects: Objects;
  readonly metadata: Metadata;
  readonly commands: Commands;
  readonly storage: Storage;
}
