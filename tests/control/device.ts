import type { ContainerView, Device } from "../../runtime/control/index.ts";

export const web: ContainerView = {
  name: "web",
  group: "app",
  status: "STARTED",
  statusGoal: "STARTED",
  restartPolicy: "container",
  roles: ["mgmt"],
  autoRecovery: {
    policy: "on-failure",
    maxRetries: 5,
    currentRetries: 0,
    stableTimeoutMs: 30_000,
    isStable: true,
    backoffPolicy: { kind: "reboot" },
  },
  userStopped: false,
  pid: 123,
};
export const base: ContainerView = {
  ...web,
  name: "base",
  group: "root",
  restartPolicy: "system",
  roles: [],
  autoRecovery: null,
  pid: null,
};

/** A device that does nothing and remembers what it was asked. */
export function fakeDevice(overrides: Partial<Device> = {}): Device & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    containers: () => [base, web],
    memoryBytes: (name) => (name === "web" ? 4096 : null),
    groups: () => [],
    config: () => [{ key: "PV_LOG_LEVEL", value: "4", modified: "pv conf file" }],
    buildinfo: () => "cairn: 1.2.3\n",
    signalReady: (name) => {
      asked.push(`ready ${name}`);
      return true;
    },
    request: (name, action) => {
      if (name !== "web") return { kind: "unknownContainer", why: `no container ${name}` };
      asked.push(`${action} ${name}`);
      return null;
    },
    power: (action, message) => {
      asked.push(`${action} ${message}`);
      return { kind: "accepted" };
    },
    ...overrides,
  };
}
