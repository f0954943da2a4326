/** A hub that goes on to another order key, and devices on the wire that follow it, or do not. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  decodeBeacon,
  decodeCommand,
  decodeDesired,
  decodeUserMeta,
  openSigned,
  type SignedLeaf,
  type Verified,
} from "../../../runtime/fleet/wire/index.ts";
import { openOrderKeys } from "../../../runtime/hub/authority/index.ts";
import { rotateOrderKey } from "../../../runtime/hub/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { closeAll, device as linkOf, running } from "../../fleet/agent/world.ts";
import { unwrap } from "../../signatures/signed-state.ts";
import { post, release } from "../authored.ts";
import { fleet } from "../fixtures.ts";
import { type HubWorld, hubWorld } from "../hub-world.ts";
import { connected, type EnrolledDevice, enrolled, type WiredDevice, wiredDevice } from "../wired-device.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

let world: HubWorld;
beforeEach(async () => {
  world = await hubWorld();
});
afterEach(async () => {
  await closeAll();
  await world[Symbol.asyncDispose]();
});

/** As an operator does it; the value: every order key there is. */
async function rotate(times = 1): Promise<ReadonlyMap<number, Uint8Array>> {
  await world.hub.stop();
  for (let time = 0; time < times; time += 1) unwrap(await rotateOrderKey(realDisk, world.folder, Date.now()));
  unwrap(await world.restart());
  const keys = unwrap(await openOrderKeys(realDisk, join(world.folder, "authority")));
  return new Map(keys.map(({ epoch, publicKey }) => [epoch, publicKey]));
}

/** What a device hears next on a leaf, from the `from`th message on, with a key of an epoch that it has. */
const hears = <T>(device: WiredDevice, leaf: SignedLeaf, from: number, read: (payload: Verified) => T, epoch: number) =>
  device.until((message) => {
    if (message.leaf !== leaf) return null;
    const opened = openSigned({ fleet, device: device.id, leaf }, message.bytes, device.keys);
    return opened.ok && opened.value.epoch === epoch ? read(opened.value.payload) : null;
  }, from);
const beacon = (payload: Verified) => unwrap(decodeBeacon(payload));
const nextKey = (device: WiredDevice, from: number, epoch: number) =>
  hears(device, "n/t", from, (payload) => beacon(payload).nextKey, epoch);

const says = (device: WiredDevice, orderEpoch: number | null, sequence = 0) =>
  device.state({ sequence, running: "1", digest: "00".repeat(32), orderEpoch });
const command = async (device: EnrolledDevice): Promise<number> => {
  const asked = { token: "operator", body: JSON.stringify({ operation: "gc" }) };
  const { body } = await world.ask("POST", `/devices/${device.id}/commands`, asked);
  return (body as { id: number }).id;
};
const sees = (device: WiredDevice, id: number, from: number, epoch: number) =>
  hears(device, "n/c", from, (payload) => (unwrap(decodeCommand(payload)).id === id ? id : null), epoch);

test("a device follows the hub's next key; what it was told before, it is told again with that", async () => {
  const own = await enrolled(world, ["lab"]);
  await world.ask("PATCH", `/devices/${own.id}/meta`, { token: "operator", body: JSON.stringify({ set: { a: "1" } }) });
  const revision = await post(world, { "root.squashfs": randomBytes(100) });
  await release(world, revision, "lab");
  const keys = await rotate();
  expect([...keys.keys()]).toEqual([1, 2]);

  await using device = await connected(world, own);
  expect((await nextKey(device, 0, 1)) as Uint8Array).toEqual(keys.get(2) ?? new Uint8Array());
  const waiting = await command(device);
  await sees(device, waiting, 0, 1);

  // It has pinned the key, and the power went before it could say so: what comes meanwhile is of no use to it.
  own.keys.clear();
  own.keys.set(2, keys.get(2) ?? new Uint8Array());
  const from = device.heard.length;
  const missed = await command(device);
  const useless = await device.until(({ leaf, bytes }) => (leaf === "n/c" ? bytes : null), from);
  const opened = openSigned({ fleet, device: own.id, leaf: "n/c" }, useless, own.keys);
  expect(opened).toMatchObject({ ok: false, error: { kind: "pastKey", epoch: 1 } });
  unwrap(await world.restart());
  await using back = await connected(world, own);
  await says(back, 2);
  expect(await hears(back, "n/d", 0, (payload) => unwrap(decodeDesired(payload)).stateDigest, 2)).toBe(revision);
  for (const id of [waiting, missed]) expect(await sees(back, id, 0, 2)).toBe(id);
  expect(await hears(back, "n/t", 0, (payload) => beacon(payload), 2)).toMatchObject({ epoch: 2, nextKey: null });
  expect(await hears(back, "n/u", 0, (payload) => unwrap(decodeUserMeta(payload)).set.get("a") ?? null, 2)).toBe("1");
});

test("a device that was away for two keys goes from one to the next, and is understood at each", async () => {
  const own = await enrolled(world);
  await (await connected(world, own))[Symbol.asyncDispose]();
  const keys = await rotate(2);
  const revision = await post(world, { "root.squashfs": randomBytes(100) });
  await release(world, revision, "all");
  await using device = await connected(world, own);
  for (const epoch of [1, 2, 3]) {
    own.keys.clear();
    own.keys.set(epoch, keys.get(epoch) ?? new Uint8Array());
    const from = epoch === 1 ? 0 : device.heard.length;
    await says(device, epoch);
    if (epoch < 3) expect((await nextKey(device, from, epoch)) ?? null).toEqual(keys.get(epoch + 1) ?? null);
    else expect(await hears(device, "n/t", from, beacon, epoch)).toMatchObject({ epoch, nextKey: null });
    const id = await command(device);
    expect(await sees(device, id, from, epoch)).toBe(id);
    const desired = await hears(
      device,
      "n/d",
      epoch === 1 ? 0 : from,
      (payload) => unwrap(decodeDesired(payload)),
      epoch,
    );
    expect(desired).toMatchObject({ stateDigest: revision, sequence: 1 });
  }
});

test("a device that enrols later gets the newest key, with which all is signed for it", async () => {
  const revision = await post(world, { "root.squashfs": randomBytes(100) });
  await release(world, revision, "all");
  const keys = await rotate();
  await using device = await wiredDevice(world);
  expect([...device.keys]).toEqual([[2, keys.get(2) ?? new Uint8Array()]]);
  expect(await hears(device, "n/d", 0, (payload) => unwrap(decodeDesired(payload)).stateDigest, 2)).toBe(revision);
  expect(await hears(device, "n/t", 0, beacon, 2)).toMatchObject({ epoch: 2, nextKey: null });
});

test("a device that is brought back from an old copy is understood, and led to the newest key again", async () => {
  const own = await enrolled(world);
  const old = new Map(own.keys);
  const keys = await rotate();
  own.keys.set(2, keys.get(2) ?? new Uint8Array());
  await using device = await connected(world, own);
  await nextKey(device, 0, 1);
  await says(device, 2);
  await hears(device, "n/t", 0, beacon, 2);

  own.keys.clear();
  for (const [epoch, key] of old) own.keys.set(epoch, key);
  const from = device.heard.length;
  await says(device, null);
  expect((await nextKey(device, from, 1)) as Uint8Array).toEqual(keys.get(2) ?? new Uint8Array());
  const id = await command(device);
  expect(await sees(device, id, from, 1)).toBe(id);
});

test("a device with a key that the hub has lost is named in the hub's log, and its audit says when keys were made", async () => {
  await using device = await wiredDevice(world);
  await says(device, 7);
  await world.log.until(new RegExp(`device ${device.id} has the order key of epoch 7, which is not in authority/`));
  await rotate();
  const { body } = await world.ask("GET", "/log", { token: "operator" });
  expect((body as { log: object[] }).log[0]).toMatchObject({ who: "hub", what: "orderKey", about: "epoch 2" });
});

test("the process of a device follows two keys in a row, and again when it is brought back from an old copy", async () => {
  const port = Number(new URL(world.hub.url).port);
  const at = { port, authority: { servers: world.authority } };
  const begin = { hub: { host: "127.0.0.1", port }, token: world.tokens.join };
  const link = linkOf(at);
  const path = join(link.folder, "membership.json");
  const epoch = (): number => JSON.parse(readFileSync(path, "utf8")).orderKeys[0][0];
  link.begin(begin);
  link.say(running("1"));
  const { id } = await link.heard("joined");
  const device = { id: String(id) } as EnrolledDevice;
  const first = await command(device);
  expect(await link.heard("command")).toMatchObject({ id: first });
  const old = readFileSync(path);

  await rotate(2);
  while (epoch() !== 3) await Bun.sleep(20);
  const second = await command(device);
  expect(await link.heard("command")).toMatchObject({ id: second });
  link.hangUp();
  await link.ended;

  writeFileSync(path, old);
  const back = linkOf(at, link.folder);
  back.begin(begin);
  back.say(running("1"));
  while (epoch() !== 3) await Bun.sleep(20);
  const third = await command(device);
  await back.heard("joined");
  for (;;) if ((await back.heard("command"))["id"] === third) break;
});
