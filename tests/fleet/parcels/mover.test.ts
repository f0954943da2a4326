import { expect, test } from "bun:test";
import {
  baseOfStore,
  inStore,
  type Mover,
  type MoverPorts,
  moveObject,
  type Outcome,
  openParcels,
} from "../../../runtime/fleet/parcels/index.ts";
import { type KeptParcel, newPace, transferLimits } from "../../../runtime/fleet/transfer/index.ts";
import type { BlockRequest, Parcel } from "../../../runtime/fleet/wire/index.ts";
import type { Digest } from "../../../runtime/state/index.ts";
import { type Disk, objectPath, openStore, putObject, type Store } from "../../../runtime/store/index.ts";
import { mustHold, type Story, seeds } from "../../sim/campaign.ts";
import { type Clock, drained, virtualClock } from "../../sim/clock.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { CUT, calm, Power } from "../../sim/power.ts";
import { newRng } from "../../sim/rng.ts";
import { must, sha256, stream } from "../../store/world.ts";
import { PlayedHub, perfect, type ThinLink } from "./thin-link.ts";
import { toyPatch, toyPatchOf } from "./toy-patch.ts";

const DAY_MS = 24 * 3600_000;

interface Life {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly hub: PlayedHub;
  readonly object: Digest;
  readonly bases: readonly Digest[];
  readonly id: number;
  readonly room?: () => number;
  readonly needRoom?: () => boolean;
  readonly whole?: boolean;
  readonly stream?: (parcel: KeptParcel, from: number, bytes: number) => AsyncIterable<Uint8Array>;
  /** Of each connection, and between them. Null: it stays. */
  readonly upMs?: number | null;
  readonly downMs?: number;
}

/** One boot: a mover with a connection that comes and goes, until it is over, or so long. */
async function live(life: Life, untilMs: number): Promise<{ readonly outcome: Outcome | null; readonly mover: Mover }> {
  const { disk, clock, hub, upMs = null, downMs = 1_000 } = life;
  const store = openStore(disk, "/storage");
  const parcels = must(await openParcels(disk, "/storage", clock.now));
  const ports: MoverPorts = {
    store,
    reservedPercent: 0,
    parcels,
    bases: (name) => baseOfStore(store, name),
    applyPatch: toyPatch,
    ask: (request) => hub.ask(request, mover),
    probe: async () => true,
    async *stream(_, { parcel, from, bytes }) {
      if (life.stream !== undefined) yield* life.stream(parcel, from, bytes);
    },
    needRoom: async () => life.needRoom?.() ?? false,
    now: () => ({
      atMs: clock.now(),
      roomBytes: life.room?.() ?? Number.POSITIVE_INFINITY,
      moreRoomAtMs: (Math.floor(clock.now() / DAY_MS) + 1) * DAY_MS,
    }),
    setTimer: clock.set,
  };
  const bases = await inStore(store, life.bases);
  const { object, whole = false, id } = life;
  const mover: Mover = await moveObject(
    ports,
    { object, bases, whole, https: life.stream !== undefined, datagrams: false },
    id,
    newPace(clock.now()),
  );
  let outcome: Outcome | null = null;
  mover.outcome.then((ended) => {
    outcome = ended;
  });
  const up = (): void => {
    mover.online();
    if (upMs !== null) clock.set(upMs, down);
  };
  const down = (): void => {
    hub.cut();
    mover.offline();
    clock.set(downMs, up);
  };
  up();
  for (;;) {
    await drained();
    if (mover.view.early.size > transferLimits.windowBlocks) throw new Error("more in memory than a window");
    if (outcome !== null || clock.now() >= untilMs || !clock.next()) break;
  }
  if (outcome === null) hub.cut();
  return { outcome, mover };
}

function parcelOf(target: Uint8Array, base: Uint8Array | null, at: number | null) {
  const bytes = toyPatchOf(base, target);
  const what: Parcel = { digest: sha256(bytes), bytes: bytes.length, objectBytes: target.length, base: at, key: null };
  return { what, bytes };
}

const stored = async ({ disk, object }: { readonly disk: Disk; readonly object: Digest }): Promise<string | null> => {
  const store: Store = openStore(disk, "/storage");
  const hashed = await store.hashing.hash("test", objectPath(store, object));
  return hashed.ok ? hashed.value.digest : null;
};

test("what is late is asked for once more when the connection has been heard, and not before", async () => {
  const rng = newRng(1);
  const disk = simulatedDisk(rng, new Power(rng, calm), { at: "/storage" }).mount();
  const clock = virtualClock();
  const [asks, probes]: [BlockRequest[], PromiseWithResolvers<boolean>[]] = [[], []];
  const mover = await moveObject(
    {
      store: openStore(disk, "/storage"),
      reservedPercent: 0,
      parcels: must(await openParcels(disk, "/storage", clock.now)),
      bases: async () => ({ ok: true, value: null }),
      applyPatch: toyPatch,
      ask: (request) => void asks.push(request),
      probe() {
        const probe = Promise.withResolvers<boolean>();
        probes.push(probe);
        return probe.promise;
      },
      async *stream() {},
      needRoom: async () => false,
      now: () => ({ atMs: clock.now(), roomBytes: 1e12, moreRoomAtMs: 1e12 }),
      setTimer: clock.set,
    },
    { object: sha256(rng.bytes(1)), bases: [], whole: false, https: false, datagrams: false },
    1,
    newPace(clock.now()),
  );
  mover.online();
  await drained();
  expect([asks.length, probes.length]).toEqual([1, 0]);
  clock.next();
  await drained();
  expect([asks.length, probes.length]).toEqual([1, 1]);
  expect(clock.next()).toBe(false); // however long the network is away
  probes[0]?.resolve(true);
  await drained();
  expect(asks.length).toBe(2);
  clock.next();
  await drained();
  probes[1]?.resolve(false);
  await drained();
  expect(asks.length).toBe(2);
  mover.stop();
  await mover.outcome;
});

test("datagrams come while there is a connection, and what they brought is kept", async () => {
  const rng = newRng(2);
  const disk = simulatedDisk(rng, new Power(rng, calm), { at: "/storage" }).mount();
  const clock = virtualClock();
  const target = rng.bytes(60_000);
  const plain = parcelOf(target, null, null);
  const of = { ...plain, what: { ...plain.what, key: new Uint8Array(16) } };
  const hub = new PlayedHub(rng, clock, { bytesPerS: 900, delayMs: 50, faults: perfect }, () => of);
  const streams: { readonly by: string; readonly from: number; readonly signal: AbortSignal }[] = [];
  const mover: Mover = await moveObject(
    {
      store: openStore(disk, "/storage"),
      reservedPercent: 0,
      parcels: must(await openParcels(disk, "/storage", clock.now)),
      bases: async () => ({ ok: true, value: null }),
      applyPatch: toyPatch,
      ask: (request) => hub.ask(request, mover),
      probe: async () => true,
      async *stream(by, { from, bytes, signal }) {
        streams.push({ by, from, signal });
        const part = streams.length === 1 ? 10_000 : bytes;
        yield of.bytes.slice(from, from + part);
        if (part < bytes) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
      needRoom: async () => false,
      now: () => ({ atMs: clock.now(), roomBytes: 1e12, moreRoomAtMs: 1e12 }),
      setTimer: clock.set,
    },
    { object: sha256(target), bases: [], whole: true, https: false, datagrams: true },
    1,
    newPace(clock.now(), 900),
  );
  mover.online();
  for (let steps = 0; steps < 50 && streams.length === 0; steps += 1) {
    await drained();
    clock.next();
  }
  await drained();
  expect(streams.map(({ by, from, signal }) => [by, from, signal.aborted])).toEqual([["datagrams", 4_096, false]]);
  mover.offline();
  await drained();
  expect(streams[0]?.signal.aborted).toBe(true);
  expect(streams).toHaveLength(1);
  mover.online();
  expect(await mover.outcome).toEqual({ kind: "done" });
  expect(streams[1]?.from).toBe(14_096);
});

/** An object on its way over a link that does what links do, on a device that loses power and whose disk fails and fills up. */
const way: Story = async ({ rng, power }) => {
  const draw = rng.fork("life");
  const [before, target] = [draw.bytes(1 + draw.below(20_000)), draw.bytes(1 + draw.below(80_000))];
  const [base, object] = [sha256(before), sha256(target)];
  const storage = simulatedDisk(rng.fork("disk"), power, {
    at: "/storage",
    capacityBytes: draw.chance(0.1) ? 120_000 : 2 ** 30,
  });
  const link: ThinLink = {
    bytesPerS: draw.pick([300, 1_200, 20_000, 1_000_000]),
    delayMs: draw.pick([10, 1_500]),
    faults: {
      lost: draw.pick([0, 0.02, 0.3]),
      twice: draw.pick([0, 0.1]),
      late: draw.pick([0, 0.2]),
      forged: draw.pick([0, 0.3]),
    },
  };
  const patched = draw.chance(0.7);
  const right = parcelOf(target, patched ? before : null, patched ? 0 : null);
  const changes = draw.chance(0.3);
  const other = parcelOf(target, null, null);
  let agoMs = 0;
  let ended: Outcome | null = null;
  for (let boot = 0; boot < 40 && ended === null; boot += 1) {
    if (boot === 6) power.calm();
    const quiet = boot >= 6;
    const clock = virtualClock();
    const hub = new PlayedHub(
      rng.fork(`hub ${boot}`),
      clock,
      quiet ? { ...link, faults: perfect } : link,
      (candidates) => {
        const has = candidates.length > 0 && patched;
        return (changes && boot === 2) || (patched && !has) ? other : right;
      },
    );
    const disk = storage.mount();
    const capped = draw.chance(0.3);
    const life: Life = {
      disk,
      clock,
      hub,
      object,
      bases: [base],
      id: draw.below(2 ** 32),
      room: () => (capped ? Math.max(0, 40_000 * (1 + Math.floor(clock.now() / DAY_MS)) - hub.received) : 1e12),
      needRoom: () => draw.chance(0.5),
      upMs: draw.chance(0.5) ? 1_000 + draw.below(100_000) : null,
    };
    const lived = await power
      .run(async () => {
        if (boot === 0) {
          const put = await putObject(openStore(disk, "/storage"), base, stream(before));
          if (!put.ok) return null;
        }
        const opened = await openParcels(disk, "/storage", clock.now);
        return opened.ok ? (await live(life, quiet ? 30 * DAY_MS : draw.below(4 * 3600_000))).outcome : null;
      })
      .catch((thrown: unknown) => {
        // The disk failed where a test does not look at it.
        if (quiet || !(thrown instanceof Error && thrown.message.startsWith("{"))) throw thrown;
        return null;
      });
    if (lived === CUT || lived === null) {
      if (lived === null) power.cut();
    } else if (lived.kind === "failed" && !quiet) {
      power.cut(); // what a runtime that asks again makes of it
      if (!["noSpace", "installFailed", "badObject"].includes(lived.failure.reason))
        throw new Error(JSON.stringify(lived));
    } else ended = lived;
    agoMs += clock.now();
  }
  power.calm();
  if (ended === null) throw new Error(`it does not end, not in ${agoMs} ms`);
  if (ended.kind === "failed") {
    if (ended.failure.reason !== "noSpace") throw new Error(JSON.stringify(ended));
    return;
  }
  if ((await stored({ disk: storage.mount(), object })) !== object)
    throw new Error("done, and the object is not there");
};

test("whatever the link and the disk do, an object comes with the right bytes, or it is said why not", async () => {
  await mustHold("transfer", way, { cut: 0.004, noSpace: 0.002, io: 0.001 }, seeds(200));
}, 240_000);

test("a parcel whose streams break off comes all the same, in what is left of them and in blocks", async () => {
  for (const seed of seeds(20)) {
    const rng = newRng(seed);
    const clock = virtualClock();
    const disk = simulatedDisk(rng.fork("disk"), new Power(rng.fork("power"), calm), { at: "/storage" }).mount();
    const target = rng.bytes(400_000);
    const object = sha256(target);
    const plain = parcelOf(target, null, null);
    const of = { ...plain, what: { ...plain.what, key: new Uint8Array(16) } };
    const hub = new PlayedHub(rng.fork("hub"), clock, { bytesPerS: 20_000, delayMs: 50, faults: perfect }, () => of);
    let streams = 0;
    const stream = async function* (_: KeptParcel, from: number, bytes: number): AsyncIterable<Uint8Array> {
      streams += 1;
      const end = from + rng.below(bytes + 1);
      for (let at = from; at < end; at += 10_000) {
        await clock.sleep(100);
        yield of.bytes.slice(at, Math.min(end, at + 10_000));
      }
      if (rng.chance(0.5)) throw new Error("the connection is gone");
    };
    const { outcome } = await live({ disk, clock, hub, object, bases: [], id: seed, stream }, DAY_MS);
    expect([seed, outcome]).toEqual([seed, { kind: "done" }]);
    expect(await stored({ disk, object })).toBe(object);
    expect(streams).toBeGreaterThan(0);
  }
}, 60_000);

test("on a thin link that is down most of the time, at a power cut now and then, the bytes that come are few more than the parcel has", async () => {
  let worst = 0;
  for (const seed of seeds(20)) {
    const rng = newRng(seed);
    const power = new Power(rng.fork("power"), calm);
    const storage = simulatedDisk(rng.fork("disk"), power, { at: "/storage" });
    const target = rng.bytes(300_000);
    const object = sha256(target);
    const of = parcelOf(target, null, null);
    const link = { bytesPerS: 1_200, delayMs: 1_500, faults: { ...perfect, lost: 0.01 } };
    let received = 0;
    let outcome: Outcome | null = null;
    for (let boot = 0; outcome === null; boot += 1) {
      const clock = virtualClock();
      const hub = new PlayedHub(rng.fork(`hub ${boot}`), clock, link, () => of);
      const life = {
        disk: storage.mount(),
        clock,
        hub,
        object,
        bases: [],
        id: boot * 1_000,
        upMs: 60_000,
        downMs: 240_000,
      };
      ({ outcome } = await live(life, 600_000 + rng.below(1_200_000)));
      received += hub.received;
      if (outcome === null) power.cut();
    }
    expect(outcome).toEqual({ kind: "done" });
    expect(await stored({ disk: storage.mount(), object })).toBe(object);
    worst = Math.max(worst, received / of.bytes.length);
  }
  console.log(`thin link: at most ${worst.toFixed(3)} of the parcel's bytes`);
  expect(worst).toBeLessThan(1.15);
}, 120_000);
