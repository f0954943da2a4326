/** A restart in the middle of a parcel, on a thin link: datagrams ask for the rest before there is a connection. */
import { expect, test } from "bun:test";
import { connectsInMs } from "../../../runtime/fleet/agent/ahead.ts";
import { Delivery } from "../../../runtime/fleet/agent/delivery.ts";
import { openMeter } from "../../../runtime/fleet/agent/meter.ts";
import { ProgressReport } from "../../../runtime/fleet/agent/progress.ts";
import type { Datagrams } from "../../../runtime/fleet/agent/streams.ts";
import { openParcels } from "../../../runtime/fleet/parcels/index.ts";
import type { FromLink } from "../../../runtime/fleet/pipe/index.ts";
import { err, ok } from "../../../runtime/result.ts";
import { openStore, putObject } from "../../../runtime/store/index.ts";
import { drained, virtualClock } from "../../sim/clock.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { calm, Power } from "../../sim/power.ts";
import { newRng } from "../../sim/rng.ts";
import { must, revision, sha256, stream } from "../../store/world.ts";
import { running } from "./world.ts";

const thin = { bytesPerS: 900 };
const there = { rests: false };
const noDisk = err({ kind: "io", call: "list", path: "/parcels", why: "test", code: "EIO" } as const);

test.each([
  ["a parcel that comes in datagrams on a thin link", true, thin, there, ok(true), 300_000],
  ["nothing that is wanted", false, thin, there, ok(true), 0],
  ["another link", true, { bytesPerS: 100_000 }, there, ok(true), 0],
  ["a link that nobody has measured", true, { bytesPerS: null }, there, ok(true), 0],
  ["datagrams that do not get through", true, thin, { rests: true }, ok(true), 0],
  ["no datagrams at all", true, thin, null, ok(true), 0],
  ["nothing that is kept", true, thin, there, ok(false), 0],
  ["a disk that cannot be read", true, thin, there, noDisk, 0],
])("with %s", async (_, updating, pace, datagrams, some, ms) => {
  expect(await connectsInMs({ updating }, { some: async () => some }, pace, datagrams)).toBe(ms);
});

const KEPT_BYTES = 40_000;
const object = sha256("object");

/** A link that has just started, with an order and the beginning of a parcel. */
async function restarted() {
  const rng = newRng(1);
  const clock = virtualClock();
  const disk = simulatedDisk(rng.fork("disk"), new Power(rng.fork("power"), calm), { at: "/storage" }).mount();
  const store = openStore(disk, "/storage");
  const state = "{}";
  must(await putObject(store, sha256(state), stream(state)));
  const parcels = must(await openParcels(disk, "/storage", clock.now));
  const parcel = { digest: sha256("parcel"), bytes: 100_000, objectBytes: 200_000, base: null, key: rng.bytes(16) };
  const file = must(await parcels.begin(object, parcel));
  must(await file.append(rng.bytes(KEPT_BYTES)));
  await file.close();
  const fetches: Datagrams[] = [];
  const told: FromLink[] = [];
  const policy = { security: false, https: false, whole: false };
  const desired = { sequence: 1, rev: 8, stateDigest: sha256(state), stateBytes: state.length, policy };
  const delivery = new Delivery({
    store,
    reservedPercent: 0,
    orders: {
      order: { desired: { ...desired, notBefore: null, expiry: null }, verdict: null },
      take: async () => ok(null),
      settle: async () => ok(undefined),
    },
    parcels,
    applyPatch: () => stream(),
    meter: must(await openMeter(disk, "/storage/ledger", { dayBytes: null, monthBytes: null }, clock.now)),
    progress: new ProgressReport({ send: async () => {}, setTimer: clock.set }),
    request() {},
    probe: async () => false,
    heard() {},
    paceBefore: 900,
    measured() {},
    datagrams: {
      rests: false,
      async *fetch(what) {
        fetches.push(what);
        await new Promise((_, reject) => what.signal.addEventListener("abort", reject));
      },
    },
    download: () => stream(),
    tell: (message) => void told.push(message),
    warn(message) {
      throw new Error(message);
    },
    evidence: async () => {},
    changed() {},
    now: clock.now,
    wallMs: () => Date.UTC(2026, 10, 25),
    random: () => 0.5,
    setTimer: clock.set,
  });
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await drained();
  };
  async function fetch(): Promise<void> {
    delivery.fetch({ kind: "fetch", rev: revision("8"), objects: [{ digest: object, candidates: [] }] });
    await settled();
  }
  delivery.state(running("7", "DONE", sha256(state)) as never);
  await settled();
  expect(told.map(({ kind }) => kind)).toEqual(["desired"]);
  await fetch();
  return { delivery, fetches, fetch, settled };
}

test("datagrams are asked for at once, whatever becomes of attempts to connect", async () => {
  const { delivery, fetches, settled } = await restarted();
  expect(fetches.map(({ from, bytes }) => [from, bytes])).toEqual([[KEPT_BYTES, 60_000]]);
  delivery.disconnected();
  await settled();
  expect(fetches.map(({ signal }) => signal.aborted)).toEqual([false]);
});

test("when a connection was there and is gone, nothing is asked for, nor anew", async () => {
  const { delivery, fetches, fetch, settled } = await restarted();
  delivery.connected();
  delivery.disconnected();
  await settled();
  expect(fetches.map(({ signal }) => signal.aborted)).toEqual([true]);
  delivery.stopFetch(revision("8"));
  await fetch();
  expect(fetches).toHaveLength(1);
  delivery.connected();
  await settled();
  expect(fetches).toHaveLength(2);
});
