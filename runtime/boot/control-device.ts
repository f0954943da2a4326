import {
  type ConfigView,
  type ContainerAction,
  type Device,
  oneAtATime,
  type PowerAction,
  type PowerAnswer,
} from "../control/index.ts";
import { invariant } from "../result.ts";
import type { RevisionName } from "../state/index.ts";
import type { Store } from "../store/index.ts";
import { containerView, expectsReady, explainRefusal, groupStatus, requestRefusal } from "../supervise/index.ts";
import { controlCommands, type Updates } from "./control-commands.ts";
import { controlObjects } from "./control-objects.ts";
import { controlSteps } from "./control-steps.ts";
import type { DebugAccess } from "./debug-access/index.ts";
import type { DeviceMetadata } from "./metadata.ts";
import type { RunnableRevision, Running } from "./running.ts";

/** What the control sockets see and ask of the running revision. */
export function controlDevice(options: {
  /** What runs now; another one after a transition without reboot. */
  current(): Pick<RunnableRevision, "state" | "containers">;
  /** Its name. */
  name(): RevisionName;
  readonly running: Running;
  readonly config: readonly ConfigView[];
  readonly buildinfo: string;
  readonly power: (action: PowerAction, message: string) => PowerAnswer;
  readonly store: Store;
  /** `PV_STORAGE_GC_RESERVED`. */
  readonly reservedPercent: number;
  readonly metadata: DeviceMetadata;
  readonly updates: Updates;
  readonly debugAccess: DebugAccess;
}): Device {
  const { current, running, metadata, updates, power, debugAccess } = options;
  const revision = options.name;
  // In safe mode only a part of the state is supervised.
  const supervised = () => {
    const { groups } = running.view().plan;
    const names = new Set<string>(groups.flatMap(({ members }) => members.map(({ name }) => name)));
    return {
      containers: current().state.containers.filter(({ name }) => names.has(name)),
      groups: current().state.device.groups.filter(({ name }) => groups.some((group) => group.name === name)),
    };
  };
  const named = (name: string) => supervised().containers.find((container) => container.name === name);
  return {
    containers: () =>
      supervised().containers.map((container) => ({
        ...containerView(running.view(), container.name),
        statusGoal: container.statusGoal,
        restartPolicy: container.restartPolicy,
        roles: container.roles,
      })),
    memoryBytes(name) {
      const container = named(name);
      return container === undefined ? null : current().containers.memoryBytes(container);
    },
    groups: () =>
      supervised().groups.map((group) => ({
        name: group.name,
        statusGoal: group.statusGoal,
        restartPolicy: group.restartPolicy,
        status: groupStatus(running.view(), group.name),
        autoRecovery: group.autoRecovery,
      })),
    config: () => options.config,
    buildinfo: () => options.buildinfo,
    signalReady(name) {
      const container = named(name);
      if (container === undefined || !expectsReady(running.view(), container.name)) return false;
      running.send({ kind: "ready", name: container.name });
      return true;
    },
    request(name: string, action: ContainerAction) {
      const refused = requestRefusal(running.view(), name, action);
      if (refused !== null) return { kind: refused.kind, why: explainRefusal(refused, name) };
      const container = named(name);
      invariant(container !== undefined, `container ${name} is in the state, as it is in the plan`);
      running.send({ kind: "request", name: container.name, action });
      return null;
    },
    usesMesh: () =>
      current().state.containers.some(
        ({ exportedServices, services }) =>
          exportedServices.length + services.required.length + services.optional.length > 0,
      ),
    hasManualDrivers: (name) => (named(name)?.drivers.manual.length ?? 0) > 0,
    steps: controlSteps(options.store, updates.put),
    objects: controlObjects(options.store, options.reservedPercent),
    metadata,
    commands: oneAtATime(controlCommands({ running: revision, metadata, updates, power, debugAccess })),
    storage: { collectGarbage: updates.collectGarbage },
  };
}
