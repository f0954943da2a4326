import type { Containers } from "../containers/index.ts";
import type { ConfigView, ContainerAction, Device, PowerAction, PowerAnswer } from "../control/index.ts";
import { invariant } from "../result.ts";
import type { State } from "../state/index.ts";
import { containerView, expectsReady, explainRefusal, groupStatus, requestRefusal } from "../supervise/index.ts";
import type { Running } from "./running.ts";

/** What the control sockets see and ask of the running revision. */
export function controlDevice(options: {
  readonly state: State;
  readonly running: Running;
  readonly containers: Containers;
  readonly config: readonly ConfigView[];
  readonly buildinfo: string;
  readonly power: (action: PowerAction, message: string) => PowerAnswer;
}): Device {
  const { state, running, containers } = options;
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
    power: options.power,
  };
}
