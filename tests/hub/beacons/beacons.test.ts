/** Beacons on their way from the hub's clock to devices, one a day. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeviceId } from "../../../runtime/fleet/terms/index.ts";
import { type Beacon, type DeviceState, decodeBeacon, openSigned, topic } from "../../../runtime/fleet/wire/index.ts";
import { type Beacons, openBeacons } from "../../../runtime/hub/beacons/index.ts";
import { type HubDatabase, openSqlite } from "../../../runtime/hub/database/index.ts";
import { unwrap } from "../../signatures/signed-state.ts";
import { fleet, orderKey, testSigner } from "../fixtures.ts";

const keys = new Map([1, 2, 3].map((epoch) => [epoch, orderKey(epoch).publicKey]));
const ids = Array.from({ length: 40 }, (_, at) => `device${String.fromCharCode(97 + (at >> 4), 97 + (at & 15))}aaaaa`);
const [one, two] = ids as [DeviceId, DeviceId];
const start = 1_795_000_000;

let folder = "";
let database: HubDatabase;
let beacons: Beacons;
let nowS = start;
let isThere = true;
let during = (): Promise<void> | undefined => undefined;
let given: (Beacon & { device: string; bytes: number })[] = [];
const openHub = (newest = 1): void => {
  beacons = openBeacons({
    fleet,
    records: database.beacons,
    signer: testSigner(database, newest),
    async publish(where, bytes) {
      await during();
      if (!isThere) return false;
      const device = where.split("/")[2] as DeviceId;
      const at = { fleet, device, leaf: "n/t" } as const;
      expect(where).toBe(topic(fleet, device, "n/t"));
      const beacon = unwrap(decodeBeacon(unwrap(openSigned(at, bytes, keys)).payload));
      given.push({ device, bytes: bytes.length, ...beacon });
      return true;
    },
    wanted: () => void beacons.run(),
    now: () => nowS * 1000 + 999,
  });
};
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cairn-beacons-"));
  database = unwrap(openSqlite(join(folder, "hub.db")));
  [nowS, isThere, given, during] = [start, true, [], () => undefined];
  openHub();
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});
const enlist = (id: string, status: "accepted" | "waiting" = "accepted") =>
  database.addDevice({ id: id as DeviceId, key: Buffer.from(id), status, code: "abc234" }, { who: "x", atMs: 1 });
const report = async (id: DeviceId, clockUnknown = false): Promise<void> => {
  await beacons.state(id, { flags: { clockUnknown, safeMode: false, local: false } } as DeviceState);
  await beacons.run();
};

test("every device of the fleet gets one, and then no more", async () => {
  for (const id of ids) await enlist(id);
  await enlist("waitingaaaaaa", "waiting");
  await beacons.run();
  await beacons.run();
  expect(given.map(({ device }) => device).toSorted()).toEqual(ids.toSorted());
  expect(given[0]).toMatchObject({ time: start, epoch: 1, nextKey: null, bytes: 78 });
});

test("a device that reports gets one when its last is a day old, and who does not report gets none", async () => {
  for (const id of [one, two]) await enlist(id);
  await beacons.run();
  given = [];
  for (let hour = 0; hour < 72; hour += 1) {
    nowS += 3600;
    await report(one);
  }
  expect(given.map(({ device, time }) => [device, time - start])).toEqual([20, 40, 60].map((h) => [one, h * 3600]));
});

test("who does not know the time is told at once, and not twice in a breath", async () => {
  await enlist(one);
  await beacons.run();
  given = [];
  for (let second = 0; second < 100; second += 10) {
    nowS += 10;
    await report(one, true);
  }
  expect(given.map(({ time }) => time - start)).toEqual([30, 60, 90]);
});

test("what the broker did not take waits, and a wish that comes meanwhile is not lost", async () => {
  await enlist(one);
  isThere = false;
  await beacons.run();
  isThere = true;
  during = () => {
    during = () => undefined;
    return database.beacons.want(null);
  };
  await beacons.run();
  expect(given).toHaveLength(1);
  await beacons.run();
  await beacons.run();
  expect(given).toHaveLength(2);
});

test("a hub whose clock was put back tells of no earlier time", async () => {
  await enlist(one);
  await beacons.run();
  nowS -= 7200;
  await database.beacons.want(one);
  await beacons.run();
  expect(given.map(({ time }) => time)).toEqual([start, start]);
});

test("a device hears of the key after its own, each day until it has it, and then of the one after that", async () => {
  for (const id of [one, two]) await enlist(id);
  await beacons.run();
  await database.orderEpochs.add(2, { who: "x", atMs: 2 });
  openHub(3);
  given = [];
  await beacons.run();
  const next = (epoch: number) => ({ epoch, nextKey: orderKey(epoch + 1).publicKey, bytes: 114 });
  expect(given).toMatchObject([
    { device: one, ...next(1) },
    { device: two, ...next(1) },
  ]);
  nowS += 86_400;
  await report(one);
  expect(given.slice(2)).toMatchObject([{ device: one, ...next(1) }]);
  for (const epoch of [2, 3]) {
    expect(await database.orderEpochs.has(one, epoch)).toBe(true);
    await beacons.run();
  }
  expect(given.slice(3)).toMatchObject([
    { device: one, ...next(2) },
    { device: one, epoch: 3, nextKey: null },
  ]);
  expect(await database.orderEpochs.has(one, 3)).toBe(false);
});

test("a wish of a device that gets another key meanwhile is fulfilled with that", async () => {
  await enlist(one);
  openHub(2);
  during = async () => {
    during = () => undefined;
    await database.orderEpochs.has(one, 2);
  };
  await beacons.run();
  await beacons.run();
  expect(given.map(({ epoch }) => epoch)).toEqual([1, 2]);
});
