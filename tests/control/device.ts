import type { ContainerView, Device, Refusal } from "../../runtime/control/index.ts";
import { err, ok } from "../../runtime/result.ts";

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

const missing: Refusal = { status: 404, why: "does not exist" };
export const DIGEST = "a".repeat(64);

/** A device that does nothing and remembers what it was asked. */
export function fakeDevice(overrides: Partial<Device> = {}): Device & { readonly asked: string[] } {
  const asked: string[] = [];
  const done = (what: string) => {
    asked.push(what);
    return ok<void>(undefined);
  };
  return {
    asked,
    containers: () => [base, web],
    memoryBytes: (name) => (name === "web" ? 4096 : null),
    groups: () => [],
    config: () => [
      { key: "PV_LOG_LEVEL", value: "4", modified: "pv conf file", legacy: { alias: "log.level", value: 4 } },
    ],
    buildinfo: () => "cairn: 1.2.3\n",
    usesMesh: () => false,
    hasManualDrivers: () => false,
    signalReady: (name) => {
      asked.push(`ready ${name}`);
      return true;
    },
    request: (name, action) => {
      if (name !== "web") return { kind: "unknownContainer", why: `no container ${name}` };
      asked.push(`${action} ${name}`);
      return null;
    },
    steps: {
      list: async () => ok([]),
      state: async (rev) => (rev === "7" ? ok(Buffer.from(`{"#spec":"…"}`)) : err(missing)),
      progress: async (rev) => (rev === "7" ? ok('{"status":"DONE"}') : err(missing)),
      commitMessage: async (rev) => (rev === "7" ? ok("why") : err(missing)),
      setCommitMessage: async (rev, text) => done(`message ${rev} ${text}`),
      put: async (rev, state) => done(`step ${rev} ${Buffer.from(state)}`),
    },
    objects: {
      list: async () => ok([{ digest: DIGEST, sizeBytes: 123 }]),
      open: async (digest) => (digest === DIGEST ? ok({ sizeBytes: 2, chunks: chunksOf("o", "k") }) : err(missing)),
      async put(digest, sizeBytes, chunks) {
        let received = 0;
        try {
          for await (const chunk of chunks) received += chunk.byteLength;
        } catch (error) {
          return err({ status: 400, why: String(error) });
        }
        return done(`object ${digest.slice(0, 4)} ${received} of ${sizeBytes}`);
      },
    },
    metadata: {
      entries: async () => new Map([["a.b", "1"]]),
      set: async (kind, key, value) => done(`${kind} ${key}=${value}`),
      remove: async (kind, key) => (key === "a.b" ? done(`${kind} without ${key}`) : err(missing)),
    },
    commands: {
      async command(operation, payload) {
        asked.push(`${operation} ${payload}`);
        return { kind: "accepted" };
      },
    },
    storage: { collectGarbage: async () => ok(5_000_000_000) },
    ...overrides,
  };
}

export async function* chunksOf(...chunks: readonly string[]): AsyncIterable<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
