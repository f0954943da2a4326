/** Devices that come later, go for good or misbehave; hubs that end in between. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BlockRequest, decodeBlock } from "../../runtime/fleet/wire/index.ts";
import { openSqlite } from "../../runtime/hub/database/index.ts";
import type { Digest } from "../../runtime/state/index.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { applied } from "./applied.ts";
import { post, release, shaOf } from "./authored.ts";
import { type HubWorld, hubWorld } from "./hub-world.ts";
import { type WiredDevice, wiredDevice } from "./wired-device.ts";

setDefaultTimeout(180_000); // many processes on a busy machine

let world: HubWorld;
beforeAll(async () => {
  world = await hubWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const request = (transfer: number, object: Digest, more: Partial<BlockRequest> = {}): BlockRequest => ({
  transfer,
  object,
  blockBytes: 1024,
  candidates: [],
  missing: [{ from: 0, count: 1 }],
  parcel: null,
  ...more,
});

/** A device that is to run a new revision with this file. */
async function deviceWith(bytes: Uint8Array, tag: string, more: object = {}): Promise<WiredDevice> {
  const revision = await post(world, { "root.squashfs": bytes });
  const device = await wiredDevice(world, [tag]);
  await release(world, revision, tag, more);
  await device.order(({ stateDigest }) => stateDigest === revision);
  return device;
}

const tag = (id: string, ...tags: string[]) =>
  world.ask("PUT", `/devices/${id}/tags`, { token: "operator", body: JSON.stringify({ tags }) });

test("a device that comes after the release, or gets its tag later, has its order then", async () => {
  const revision = await post(world, { "root.squashfs": randomBytes(100) });
  await release(world, revision, "late");
  await using device = await wiredDevice(world);
  await tag(device.id, "late");
  await device.order(({ stateDigest }) => stateDigest === revision);
  await using second = await wiredDevice(world, ["late"]);
  await second.order(({ stateDigest }) => stateDigest === revision);
  const shown = await world.ask("GET", `/devices/${second.id}`, { token: "operator" });
  expect(shown.body).toMatchObject({ desired: { revision, sequence: 1, rev: 1, progress: null } });
});

test("what a hub decided before it ended reaches the devices when it starts again", async () => {
  const [old, next] = [
    await post(world, { "root.squashfs": randomBytes(100) }),
    await post(world, { "root.squashfs": randomBytes(100) }),
  ];
  const ids = await Promise.all([wiredDevice(world, ["a"]), wiredDevice(world, ["b"])]);
  for (const device of ids) await device[Symbol.asyncDispose]();
  await release(world, old, "a");
  await world.hub.stop();
  const [a, b] = ids.map(({ id }) => id);
  if (a === undefined || b === undefined) throw new Error("two devices");
  const database = unwrap(openSqlite(join(world.folder, "hub.db")));
  // As if it had been killed before the broker acknowledged the one, and before anything came of the other.
  await database.releases.unmarkPublished(a, 1);
  const policy = { security: false, https: false, whole: false };
  await database.releases.add({ revision: next, tag: "b", policy, expiryMs: null }, { who: "jane", atMs: 1 });
  await database.close();
  unwrap(await world.restart());
  const published = async (id: string) => {
    const { body } = await world.ask("GET", `/devices/${id}`, { token: "operator" });
    return (body as { desired: { published: string | null; revision: string } | null }).desired;
  };
  for (const [id, revision] of [[a, old] as const, [b, next] as const]) {
    while ((await published(id))?.published == null) await Bun.sleep(20);
    expect(await published(id)).toMatchObject({ revision });
  }
});

test("of a device that is revoked the broker keeps nothing", async () => {
  await using kept = await deviceWith(randomBytes(100), "kept");
  await using revoked = await deviceWith(randomBytes(100), "revoked");
  for (const device of [kept, revoked]) {
    await device.state({ sequence: 1, running: "1", digest: "00".repeat(32) });
    await device.say("u/l", Uint8Array.of(2));
  }
  expect((await world.ask("POST", `/devices/${revoked.id}/revoke`, { token: "operator" })).status).toBe(200);
  const database = async () => {
    await world.hub.stop(); // Mosquitto writes down what it keeps when it ends
    return readFileSync(join(world.folder, "broker/mosquitto.db"), "latin1");
  };
  const rest = await database();
  for (const leaf of ["n/d", "u/s", "u/l"]) {
    expect(rest).toContain(`c/lab/${kept.id}/${leaf}`);
    expect(rest).not.toContain(`c/lab/${revoked.id}/${leaf}`);
  }
  unwrap(await world.restart());
});

test("what is no request is logged and passed over, and the next one is answered", async () => {
  const bytes = randomBytes(100);
  await using device = await deviceWith(bytes, "garbage");
  const from = world.log.all.length;
  await device.say("u/q", randomBytes(40));
  await device.say("u/q", new Uint8Array(3000));
  await device.say("u/p", Uint8Array.of(0xa0));
  await device.say("u/l", Uint8Array.of(9));
  await device.say("u/s", new Uint8Array());
  await device.progress({ sequence: 99, phase: "done", percent: 100, reason: null });
  await device.request(request(1, shaOf(bytes), { missing: [] }));
  await device.request(request(2, shaOf(bytes), { missing: [{ from: 500, count: 9 }], parcel: "00".repeat(8) }));
  const [block] = await device.blocks(request(3, shaOf(bytes)), 1);
  expect(block?.parcel?.objectBytes).toBe(100);
  const said = world.log.all.slice(from).filter((line) => line.includes(device.id));
  expect(said).toEqual([
    expect.stringMatching(/u\/q\) is ignored/),
    expect.stringMatching(/has 3000 bytes/),
    expect.stringMatching(/u\/p\) is ignored/),
    expect.stringMatching(/u\/l\) is ignored/),
    expect.stringMatching(/tells of an order that it was not given$/),
  ]);
});

test("a device that asks without end is answered so often, and others are served meanwhile", async () => {
  const bytes = randomBytes(100);
  await using greedy = await deviceWith(bytes, "greedy");
  await using modest = await deviceWith(randomBytes(100), "modest");
  await greedy.blocks(request(1, shaOf(bytes)), 1); // made by now
  const before = performance.now();
  await Promise.all(Array.from({ length: 500 }, (_, at) => greedy.request(request(1000 + at, shaOf(bytes)))));
  const other = await modest.blocks(request(1, shaOf("nowhere")), 1);
  expect(other[0]?.parcel).toBeNull();
  const answered = greedy.heard.filter(
    ({ leaf, bytes }) => leaf === "n/o" && unwrap(decodeBlock(bytes)).transfer >= 1000,
  );
  expect(answered.length).toBeLessThanOrEqual(40 + Math.ceil(((performance.now() - before) / 1000) * 20));
});

test("a large parcel may be fetched over HTTPS by who knows its key, in part and in whole", async () => {
  const bytes = randomBytes(300_000);
  await using device = await deviceWith(bytes, "large", { policy: { https: true } });
  const [block] = await device.blocks(request(1, shaOf(bytes)), 1);
  const parcel = block?.parcel;
  if (parcel == null || parcel.key === null) throw new Error("a key");
  const path = `/parcels/${Buffer.from(parcel.key).toString("hex")}`;
  const whole = await world.fetch(path);
  expect([whole.status, whole.headers.get("accept-ranges"), whole.headers.get("etag")]).toEqual([
    200,
    "bytes",
    `"${parcel.digest}"`,
  ]);
  const patch = new Uint8Array(await whole.arrayBuffer());
  expect([patch.length, shaOf(patch)]).toEqual([parcel.bytes, parcel.digest]);
  expect(await applied(null, patch, parcel.objectBytes)).toEqual(bytes);

  for (const [range, from, end] of [
    ["bytes=0-9", 0, 10],
    ["bytes=299000-", 299_000, parcel.bytes],
    ["bytes=-5", parcel.bytes - 5, parcel.bytes],
  ] as const) {
    const part = await world.fetch(path, { range });
    expect([part.status, part.headers.get("content-range"), part.headers.get("content-length")]).toEqual([
      206,
      `bytes ${from}-${end - 1}/${parcel.bytes}`,
      String(end - from),
    ]);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(patch.subarray(from, end));
  }
  const beyond = await world.fetch(path, { range: `bytes=${parcel.bytes}-` });
  expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${parcel.bytes}`]);
  for (const headers of [
    { range: "bytes=0-1,4-5" },
    { range: "bytes=0-9", "if-range": '"another"' },
    { range: "lines=1-2" },
  ]) {
    const all = await world.fetch(path, headers);
    expect([all.status, (await all.arrayBuffer()).byteLength]).toEqual([200, parcel.bytes]);
  }
  for (const name of ["00".repeat(16), "x", shaOf(bytes), parcel.digest, "..%2fobjects"]) {
    expect((await world.fetch(`/parcels/${name}`)).status).toBe(404);
  }
});

test("a key is told of a parcel that is worth datagrams, and none of a small one, whatever its release says", async () => {
  const [large, small] = [randomBytes(20_000), randomBytes(15_000)];
  await using one = await deviceWith(large, "large");
  await using two = await deviceWith(small, "small", { policy: { https: true } });
  const keyOf = async (device: typeof one, object: Uint8Array) =>
    (await device.blocks(request(1, shaOf(object)), 1))[0]?.parcel?.key;
  expect((await keyOf(one, large))?.length).toBe(16);
  expect(await keyOf(two, small)).toBeNull();
});
