/** A transfer within a budget: delivery, connection and meter together, with a hub that is played, on a virtual clock. */
import { describe, expect, test } from "bun:test";
import { type Connection, openConnection, PACKET_BYTES_MAX } from "../../../runtime/fleet/agent/connection.ts";
import { Delivery } from "../../../runtime/fleet/agent/delivery.ts";
import { openMeter } from "../../../runtime/fleet/agent/meter.ts";
import { ProgressReport } from "../../../runtime/fleet/agent/progress.ts";
import type { Caps } from "../../../runtime/fleet/budget/index.ts";
import type { Orders } from "../../../runtime/fleet/desired/index.ts";
import { type Mode, usual } from "../../../runtime/fleet/link/index.ts";
import { openOutbox } from "../../../runtime/fleet/outbox/index.ts";
import { openParcels } from "../../../runtime/fleet/parcels/index.ts";
import type { FromLink } from "../../../runtime/fleet/pipe/index.ts";
import type { SessionPorts } from "../../../runtime/fleet/session/index.ts";
import { decodeBlockRequest, encodeBlock, encodeBlockRequest } from "../../../runtime/fleet/wire/index.ts";
import { openStore } from "../../../runtime/store/index.ts";
import { drained, virtualClock } from "../../sim/clock.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { calm, Power } from "../../sim/power.ts";
import { newRng } from "../../sim/rng.ts";
import { must, sha256 } from "../../store/world.ts";
import { toyPatch, toyPatchOf } from "../parcels/toy-patch.ts";
import { running } from "./world.ts";

const DAY_MS = 24 * 3600_000;
const START_MS = Date.UTC(2026, 10, 25, 7);
const CONNECT_COST = 3_500;
/** Was on its way when the device hung up on who floods it. */
const LATE_BYTES = 4_000;

async function world({
  caps = { dayBytes: null, monthBytes: null } as Caps,
  mode = { kind: "always" } as Mode,
  security = false,
  objectBytes = 200_000,
  /** Nothing asked for is answered. */
  silent = false,
  /** As much as it can, all the time, that nobody has asked for. */
  floods = false,
  blockMs = 100,
}) {
  const rng = newRng(1);
  const clock = virtualClock();
  const wallMs = (): number => START_MS + clock.now();
  const disk = simulatedDisk(rng.fork("disk"), new Power(rng.fork("power"), calm), { at: "/storage" }).mount();
  const target = rng.bytes(objectBytes);
  const patch = toyPatchOf(null, target);
  const days = new Map<number, number>();
  const carried = (bytes: number): void => {
    const day = Math.floor(wallMs() / DAY_MS);
    days.set(day, (days.get(day) ?? 0) + bytes);
  };
  const outbox = must(await openOutbox(disk, "/storage"));
  const meter = must(await openMeter(disk, "/storage/ledger", caps, wallMs));
  const told: FromLink[] = [];
  const connects: number[] = [];
  const ends: number[] = [];
  const post = async (leaf: "u/p" | "u/q", bytes: Uint8Array, lasting: boolean): Promise<void> => {
    must(await outbox.put({ leaf, bytes, lasting }));
    connection?.news({ urgent: lasting });
  };
  // An order whose state is there: what runs already.
  const state = new TextEncoder().encode("{}");
  const order = {
    desired: {
      sequence: 1,
      rev: 8,
      stateDigest: sha256(state),
      stateBytes: state.length,
      notBefore: null,
      expiry: null,
      policy: { security, https: false, whole: false },
    },
    verdict: null as Orders["order"] extends infer O ? (O extends { verdict: infer V } ? V : never) : never,
  };
  const orders: Orders = {
    order,
    take: async () => ({ ok: true, value: null }),
    async settle(_, verdict) {
      order.verdict = verdict;
      return { ok: true, value: undefined };
    },
  };
  const delivery = new Delivery({
    store: openStore(disk, "/storage"),
    reservedPercent: 0,
    orders,
    parcels: must(await openParcels(disk, "/storage", clock.now)),
    applyPatch: toyPatch,
    meter,
    progress: new ProgressReport({ send: (bytes, lasting) => post("u/p", bytes, lasting), setTimer: clock.set }),
    request: (request) => void post("u/q", encodeBlockRequest(request), false),
    probe: async () => (await connection?.probe()) ?? false,
    paceBefore: null,
    measured() {},
    datagrams: null,
    download: () => {
      throw new Error("no parcel has a key here");
    },
    tell: (message) => void told.push(message),
    warn: (message) => {
      throw new Error(message);
    },
    evidence: async () => {},
    changed: (urgent) => connection?.news({ urgent }),
    now: clock.now,
    wallMs,
    random: () => rng.unit(),
    setTimer: clock.set,
  });
  meter.liftWhile(() => delivery.lifted(outbox.empty));

  const connect = (ports: SessionPorts) => {
    let used = 0;
    let over = false;
    const use = (bytes: number): void => {
      used += bytes;
      carried(bytes);
    };
    const later = (ms: number, then: () => void): void => void clock.set(ms, () => over || then());
    const close = (): void => {
      if (over) return;
      over = true;
      ends.push(clock.now());
      ports.closed({ kind: "ended" });
      if (!floods) return;
      clock.set(100, () => {
        carried(LATE_BYTES);
        ports.late?.(LATE_BYTES);
      });
    };
    let queue = Promise.resolve();
    const message = (block: Parameters<typeof encodeBlock>[0], ms: number): void =>
      later(ms, () => {
        const bytes = encodeBlock(block);
        use(bytes.length + 120);
        queue = queue.then(() => ports.came?.()).then(() => ports.message("n/o", bytes));
      });
    const flood = (): void => {
      message({ transfer: rng.below(2 ** 32), index: rng.below(50), bytes: rng.bytes(8_000), parcel: null }, 0);
      later(5_000, flood);
    };
    connects.push(clock.now());
    later(500, () => {
      use(CONNECT_COST);
      ports.online();
      if (floods) later(1_000, flood);
    });
    return {
      async publish({ topic, bytes }: { readonly topic: string; readonly bytes: Uint8Array }) {
        if (over) return false;
        use(bytes.length + 250);
        if (topic === "u/q" && !silent) {
          const { transfer, blockBytes, missing } = must(decodeBlockRequest(bytes));
          let ms = 0;
          for (const { from, count } of missing) {
            for (let index = from; index < from + count && index * blockBytes < patch.length; index += 1) {
              const parcel = { digest: sha256(patch), bytes: patch.length, objectBytes, base: null, key: null };
              const part = patch.slice(index * blockBytes, (index + 1) * blockBytes);
              ms += blockMs;
              message({ transfer, index, bytes: part, parcel: index === 0 ? parcel : null }, ms);
            }
          }
        }
        const { promise, resolve } = Promise.withResolvers<boolean>();
        clock.set(100, () => resolve(!over));
        return promise;
      },
      end: () => later(100, close),
      drop: close,
      widen() {},
      async probe() {
        if (over) return false;
        use(250);
        const { promise, resolve } = Promise.withResolvers<boolean>();
        clock.set(100, () => resolve(!over));
        return promise;
      },
      usedBytes: () => used,
    };
  };
  let connection: Connection | null = null;
  connection = openConnection({
    settings: { mode, ...usual },
    outbox,
    meter,
    now: clock.now,
    wallMs,
    random: () => rng.unit(),
    setTimer: clock.set,
    connect,
    greet: () => delivery.connected(),
    offline: () => delivery.disconnected(),
    busy: () => delivery.busy,
    message: (_, bytes) => delivery.block(bytes),
    arrived: async () => {},
    publication: ({ leaf, bytes }) => ({ topic: leaf, bytes, qos: 1, retain: false, expiryS: null }),
    ticket: () => {},
    contact: () => {},
    warn: () => {},
  });
  const until = async (ms: number, done: () => boolean = () => false): Promise<void> => {
    clock.set(ms - clock.now(), () => {});
    for (;;) {
      await drained();
      if (done() || clock.now() >= ms || !clock.next()) return;
    }
  };
  const store = openStore(disk, "/storage");
  const { putObject } = await import("../../../runtime/store/index.ts");
  const once = async function* (): AsyncIterable<Uint8Array> {
    yield state;
  };
  must(await putObject(store, sha256(state), once()));
  delivery.state(running("7", "DONE", sha256(state)) as never);
  await until(60_000, () => told.some(({ kind }) => kind === "desired"));
  delivery.fetch({ kind: "fetch", rev: "8" as never, objects: [{ digest: sha256(target), candidates: [] }] });
  const fetched = () => told.find(({ kind }) => kind === "fetched");
  return { clock, until, days, told, fetched, delivery, connection, connects, ends, meter };
}

const used = (days: ReadonlyMap<number, number>): readonly number[] => [...days.values()];

describe("a budget", () => {
  const caps: Caps = { dayBytes: 50_000, monthBytes: null };

  test("that an object does not fit into makes it come over some days, each of which keeps to it but for a word", async () => {
    const { until, fetched, days, clock } = await world({ caps });
    await until(20 * DAY_MS, () => fetched() !== undefined);
    expect(fetched()).toMatchObject({ failure: null });
    expect(clock.now()).toBeGreaterThan(3 * DAY_MS);
    expect(clock.now()).toBeLessThan(8 * DAY_MS);
    for (const bytes of used(days)) expect(bytes).toBeLessThan(51_000);
  });

  test("is not what a revision for the device's security waits for", async () => {
    const { until, fetched, days, clock, delivery, meter } = await world({
      caps: { dayBytes: 300_000, monthBytes: null },
      security: true,
    });
    await until(DAY_MS, () => fetched() !== undefined);
    expect(fetched()).toMatchObject({ failure: null });
    expect(clock.now()).toBeLessThan(3600_000);
    expect(Math.max(...used(days))).toBeGreaterThan(200_000);
    // Until the hub has had the verdict, and not longer.
    expect(meter.room()).toBeGreaterThan(0);
    delivery.progress({
      kind: "progress",
      rev: "8" as never,
      phase: "done",
      reason: null,
      message: "",
      evidence: null,
    });
    expect(meter.room()).toBeGreaterThan(0);
    await until(clock.now() + 60_000);
    expect(meter.room()).toBe(0);
  });

  test("is what such a revision takes twice of, and not more", async () => {
    const { until, fetched, days, clock } = await world({ caps, security: true });
    await until(20 * DAY_MS, () => fetched() !== undefined);
    expect(fetched()).toMatchObject({ failure: null });
    expect(clock.now()).toBeLessThan(3 * DAY_MS);
    expect(Math.max(...used(days))).toBeGreaterThan(90_000);
    for (const bytes of used(days)) expect(bytes).toBeLessThanOrEqual(100_000 + PACKET_BYTES_MAX);
  });

  test("is kept to when a hub floods blocks that nobody has asked for", async () => {
    const { until, days, told, meter } = await world({ caps, floods: true });
    await until(5 * DAY_MS);
    expect(meter.usage().dayBytes).toBe([...days.values()].at(-1) ?? 0);
    expect(meter.usage().dayBytes).toBeGreaterThan(50_000);
    expect(told.filter(({ kind }) => kind === "log")).toEqual([]);
    expect(used(days).length).toBeGreaterThan(4);
    for (const bytes of used(days)) expect(bytes).toBeLessThanOrEqual(50_000 + PACKET_BYTES_MAX);
  });
});

describe("a device that wakes once a day", () => {
  const mode: Mode = { kind: "wake", everyMs: DAY_MS };

  test("stays awake for what it gets, and sleeps again", async () => {
    const { until, fetched, connects, ends, delivery } = await world({ mode, blockMs: 2_000 });
    await until(DAY_MS / 2, () => fetched() !== undefined);
    expect(connects).toHaveLength(1);
    expect(ends).toEqual([]);
    delivery.progress({
      kind: "progress",
      rev: "8" as never,
      phase: "done",
      reason: null,
      message: "",
      evidence: null,
    });
    await until(DAY_MS / 2);
    expect(connects).toHaveLength(1);
    expect(ends).toHaveLength(1);
  }, 60_000);

  test("goes on at the next wake with what takes longer than one", async () => {
    const { until, fetched, connects, ends } = await world({ mode, silent: true });
    await until(2.5 * DAY_MS, () => fetched() !== undefined);
    expect(connects).toHaveLength(3);
    for (const [at, end] of ends.entries())
      expect(end - (connects[at] ?? 0)).toBeLessThan(usual.awakeAtMostMs + 60_000);
  });
});

test("a hub that does not answer is asked some times a day, which costs little", async () => {
  const { until, days } = await world({ silent: true });
  await until(5 * DAY_MS);
  expect(Math.max(...used(days).slice(1))).toBeLessThan(3_000);
}, 60_000);
