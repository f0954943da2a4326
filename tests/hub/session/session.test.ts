import { describe, expect, test } from "bun:test";
import type { Session, SessionPorts } from "../../../runtime/fleet/session/index.ts";
import type { DeviceId, FleetName } from "../../../runtime/fleet/terms/index.ts";
import {
  type DeviceState,
  encodeBlockRequest,
  encodeCommandResult,
  encodeDeviceMeta,
  encodeDeviceState,
  encodeLogs,
  encodePresence,
  encodeProgress,
  encodeRenewalRequest,
  type Leaf,
  topic,
} from "../../../runtime/fleet/wire/index.ts";
import { openHubSession } from "../../../runtime/hub/session/index.ts";
import type { Digest, RevisionName } from "../../../runtime/state/index.ts";

const lab = "lab" as FleetName;
const device = "abcdefghijklm" as DeviceId;
const state: DeviceState = {
  sequence: 0,
  running: "7" as RevisionName,
  stateDigestPrefix: "0123456789abcdef" as Digest,
  status: "DONE",
  containers: new Map(),
  bytes: { day: 1, month: 2 },
  flags: { clockUnknown: false, safeMode: false, local: false },
  version: "0.1.0",
  userMeta: null,
  deviceMeta: null,
  orderEpoch: null,
};

/** A hub's ear at a broker that does what the test wants. */
function world(keep: (id: DeviceId, state: DeviceState) => Promise<boolean> = async () => true) {
  const connections: SessionPorts[] = [];
  const timers: { readonly ms: number; fire(): void }[] = [];
  const [log, kept]: [string[], unknown[]] = [[], []];
  let [ended, online] = [0, 0];
  const session: Session = {
    publish: async () => true,
    probe: async () => true,
    widen() {},
    end: () => {
      ended += 1;
    },
    drop: () => {},
    usedBytes: () => 0,
  };
  const opened = openHubSession({
    fleet: lab,
    connect(ports) {
      connections.push(ports);
      return session;
    },
    heeds: async () => true,
    hearers: {
      async state(id, reported) {
        kept.push([id, reported]);
        return keep(id, reported);
      },
      presence: async (id, is) => kept.push([id, is]) > 0,
      progress: async (id, progress) => kept.push([id, progress]) > 0,
      result: async (id, result) => kept.push([id, result]) > 0,
      logs: async (id, logs) => kept.push([id, logs]) > 0,
      renewal: async (id, request) => kept.push([id, request]) > 0,
      deviceMeta: async (id, message) => kept.push([id, message]) > 0,
      request: (id, request) => void kept.push([id, request]),
    },
    online: () => {
      online += 1;
    },
    setTimer(ms, fire) {
      timers.push({ ms, fire });
      return () => {};
    },
    log: (line) => void log.push(line),
  });
  return {
    session: opened,
    connections,
    timers,
    log,
    kept,
    ended: () => ended,
    online: () => online,
    hear: (at: string, bytes: Uint8Array) => connections.at(-1)?.message(at, bytes),
  };
}

describe("a message", () => {
  test("that reports a state is kept, and done when it is", async () => {
    const kept = Promise.withResolvers<boolean>();
    const hub = world(() => kept.promise);
    let done = false;
    const heard = hub.hear(topic(lab, device, "u/s"), encodeDeviceState(state))?.then(() => {
      done = true;
    });
    await Bun.sleep(0);
    expect(hub.kept).toEqual([[device, state]]);
    expect(done).toBe(false);
    kept.resolve(true);
    await heard;
    expect(hub.log).toEqual([]);
  });

  test.each([
    ["of no device", "c/lab/x/u/s", encodeDeviceState(state), /x/],
    ["that is none", topic(lab, device, "u/s"), Uint8Array.of(0xff), /device abcdefghijklm: /],
    ["that is too long", topic(lab, device, "u/s"), new Uint8Array(20_000), /device abcdefghijklm: /],
  ])("%s is logged and passed over", async (_, at, bytes, why) => {
    const hub = world();
    await hub.hear(at, bytes);
    expect(hub.kept).toEqual([]);
    expect(hub.log).toEqual([expect.stringMatching(why)]);
  });

  test.each([
    ["of another fleet", topic("other" as FleetName, device, "u/s")],
    ["that nobody wants yet", topic(lab, device, "u/m" as Leaf)],
  ])("%s is not ours", async (_, at) => {
    const hub = world();
    await hub.hear(at, encodeDeviceState(state));
    expect(hub.kept).toEqual([]);
    expect(hub.log).toEqual([]);
  });

  test("of a device that nobody knows is told", async () => {
    const hub = world(async () => false);
    await hub.hear(topic(lab, device, "u/s"), encodeDeviceState(state));
    expect(hub.log).toEqual(["device abcdefghijklm reports, and is not known"]);
  });
});

describe("each kind of message", () => {
  const request = {
    transfer: 1,
    object: "ab".repeat(32) as Digest,
    blockBytes: 1024,
    candidates: [],
    missing: [{ from: 0, count: 1 }],
    parcel: null,
  } as const;
  const result = { id: 1, code: "done", text: "" } as const;
  const logs = { kind: "requested", revision: "7" as RevisionName, deflated: Uint8Array.of(3, 0), command: 1 } as const;
  const meta = { set: new Map([["a", "b"]]), remove: [], how: { whole: false } };
  const progress = { sequence: 1, phase: "done", percent: 100, reason: null } as const;
  test.each([
    ["state", "u/s", encodeDeviceState(state), state],
    ["progress", "u/p", encodeProgress(progress), progress],
    ["presence", "u/l", encodePresence("online"), "online"],
    ["result", "u/r", encodeCommandResult(result), result],
    ["logs", "u/g", encodeLogs(logs), logs],
    ["renewal", "u/k", encodeRenewalRequest({ notAfter: 5 }), { notAfter: 5 }],
    ["metadata", "u/d", encodeDeviceMeta(meta), meta],
    ["request", "u/q", encodeBlockRequest(request), request],
  ] as const)("goes to who hears of %s", async (_, leaf, bytes, message) => {
    const hub = world();
    await hub.hear(topic(lab, device, leaf), bytes);
    expect([hub.kept, hub.log]).toEqual([[[device, message]], []]);
  });

  test("that takes away what was retained says nothing of the device", async () => {
    const hub = world();
    for (const leaf of ["u/s", "u/l"] as const) await hub.hear(topic(lab, device, leaf), new Uint8Array());
    expect([hub.kept, hub.log]).toEqual([[], []]);
    await hub.hear(topic(lab, device, "u/p"), new Uint8Array());
    expect(hub.log).toHaveLength(1);
  });
});

describe("what the hub says", () => {
  const publication = { topic: "c/lab/x/n/d", bytes: new Uint8Array(), qos: 1, retain: true, expiryS: null } as const;

  test("goes out while the broker is there, and otherwise is known not to", async () => {
    const hub = world();
    expect(await hub.session.publish(publication)).toBe(false);
    hub.connections.at(-1)?.online();
    expect([await hub.session.publish(publication), hub.online()]).toEqual([true, 1]);
    hub.connections.at(-1)?.closed({ kind: "lost", problem: "cut" });
    expect(await hub.session.publish(publication)).toBe(false);
    hub.timers.at(-1)?.fire();
    hub.connections.at(-1)?.online();
    expect([await hub.session.publish(publication), hub.online()]).toEqual([true, 2]);
    hub.session.stop();
    expect(await hub.session.publish(publication)).toBe(false);
  });
});

describe("a broker that goes away", () => {
  const gone = { kind: "lost", problem: "cut" } as const;

  test("is come back to, after longer and longer, and at once when it was there meanwhile", () => {
    const hub = world();
    for (let round = 0; round < 8; round += 1) {
      hub.connections.at(-1)?.closed(gone);
      hub.timers.at(-1)?.fire();
    }
    expect(hub.timers.map(({ ms }) => ms)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    hub.connections.at(-1)?.online();
    hub.connections.at(-1)?.closed(gone);
    expect(hub.timers.at(-1)?.ms).toBe(250);
    expect(hub.connections).toHaveLength(9);
    expect(hub.log[0]).toContain("cut");
  });

  test("when the hub stops is left alone", () => {
    const hub = world();
    hub.session.stop();
    hub.connections.at(-1)?.closed({ kind: "ended" });
    expect(hub.ended()).toBe(1);
    expect(hub.timers).toEqual([]);
    expect(hub.log).toEqual([]);
  });
});
