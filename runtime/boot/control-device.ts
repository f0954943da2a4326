import type { Containers } from "../containers/index.ts";
import {
  type ConfigView,
  type ContainerAction,
  type Device,
  oneAtATime,
  type PowerAction,
  type PowerAnswer,
} from "../control/index.ts";
import { invariant } from "../result.ts";
import type { State } from "../state/index.ts";
import type { RevisionName, Store } from "../store/index.ts";
import { containerView, expectsReady, explainRefusal, groupStatus, requestRefusal } from "../supervise/index.ts";
import { controlCommands, type Updates } from "./control-commands.ts";
import { controlObjects } from "./control-objects.ts";
import { controlSteps } from "./control-steps.ts";
import type { DeviceMetadata } from "./metadata.ts";
import type { Running } from "./running.ts";

/** What the control sockets see and ask of the running revision. */
export function controlDevice(options: {
  readonly state: State;
  readonly running: Running;
  readonly containers: Containers;
  readonly config: readonly ConfigView[];
  readonly buildinfo: string;
  readonly power: (action: PowerAction, message: string) => PowerAnswer;
  readonly store: Store;
  /** The running revision's name. */
  readonly revision: RevisionName;
  /** `PV_STORAGE_GC_RESERVED`. */
  readonly reservedPercent: number;
  readonly metadata: DeviceMetadata;
  readonly updates: Updates;
}): Device {
  const { state, running, containers, metadata, updates, power } = options;
  const revision = () => options.revision;
  const named = (name: string) => state.containers.find((container) => container.name === name);
  return {
    containers: () =>
      state.containers.map((container) => ({
        ...containerView(running.view(), container.name),
        statusGoal: container.statusGoal,
        restartPolicy: container.restartPolicy,
        roles: container.roles,
      })),
    memoryBytes(name) {
      const container = named(name);
      return container === undefined ? null : containers.memoryBytes(container);
    },
    groups: () =>
      state.device.groups.map((group) => ({
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
      state.containers.some(
        ({ exportedServices, services }) =>
          exportedServices.length + services.required.length + services.optional.length > 0,
      ),
    hasManualDrivers: (name) => (named(name)?.drivers.manual.length ?? 0) > 0,
    steps: controlSteps(options.store, updates.put),
    objects: controlObjects(options.store, options.reservedPercent),
    metadata,
    commands: oneAtATime(controlCommands({ running: revision, metadata, updates, power })),
    storage: { collectGarbage: updates.collectGarbage },
  };
}
