/** From an author's objects to a device's blocks, with a real broker and over real TLS. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import type { Block, BlockRequest, Parcel } from "../../runtime/fleet/wire/index.ts";
import type { Digest } from "../../runtime/state/index.ts";
import { applied } from "./applied.ts";
import { post, putObject, release, shaOf, stateOf } from "./authored.ts";
import { type HubWorld, hubWorld } from "./hub-world.ts";
import { wiredDevice } from "./wired-device.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

let world: HubWorld;
beforeAll(async () => {
  world = await hubWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test("a revision that is released to a tag reaches its devices as an order that the hub signed, and no others", async () => {
  const files = { "root.squashfs": randomBytes(3000), "lxc.container.conf": Buffer.from("lxc.x = 1\n") };
  const revision = await post(world, files);
  await using canary = await wiredDevice(world, ["canary"]);
  await using other = await wiredDevice(world);
  const released = await release(world, revision, "canary", { policy: { security: true } });
  expect(released).toMatchObject({ status: 201, body: { revision, tag: "canary" } });
  const desired = await canary.order(() => true);
  expect(desired).toEqual({
    sequence: 1,
    rev: 1,
    stateDigest: revision,
    stateBytes: Buffer.byteLength(stateOf(files)),
    notBefore: null,
    expiry: null,
    policy: { security: true, https: false, whole: false },
  });
  const later = await post(world, { ...files, "root.squashfs": randomBytes(3000) });
  await release(world, later, "all");
  await other.order(({ stateDigest }) => stateDigest === later);
  expect(other.heard.filter(({ leaf }) => leaf === "n/d")).toHaveLength(1);
  await canary.order(({ sequence, rev, stateDigest }) => sequence === 2 && rev === 2 && stateDigest === later);
});

const request = (transfer: number, object: Digest, more: Partial<BlockRequest> = {}): BlockRequest => ({
  transfer,
  object,
  blockBytes: 1024,
  candidates: [],
  missing: [{ from: 0, count: 64 }],
  parcel: null,
  ...more,
});

function parcelOf(blocks: readonly Block[]): Parcel {
  const [first] = blocks;
  if (first?.index !== 0 || first.parcel === null) throw new Error("the first block says what they are of");
  return first.parcel;
}

/** The blocks of a parcel, put together and checked. */
function bytesOf(blocks: readonly Block[]): Uint8Array {
  const { digest, bytes } = parcelOf(blocks);
  const sorted = blocks.toSorted((a, b) => a.index - b.index);
  expect(sorted.map(({ index }) => index)).toEqual(blocks.map((_, index) => index));
  const whole = Buffer.concat(sorted.map((block) => block.bytes));
  expect([whole.length, shaOf(whole)]).toEqual([bytes, digest]);
  return whole;
}

test("a device gets an object in blocks of the smallest patch from what it has, and one with nothing gets it whole", async () => {
  const before = randomBytes(20_000);
  const after = Buffer.concat([before.subarray(0, 9_000), Buffer.from("one line\n"), before.subarray(9_000)]);
  const unlike = randomBytes(5_000);
  await post(world, { "root.squashfs": before, other: unlike });
  const revision = await post(world, { "root.squashfs": after });
  await using device = await wiredDevice(world, ["blocks"]);
  await release(world, revision, "blocks");
  await device.order(({ stateDigest }) => stateDigest === revision);

  const nothing = await device.blocks(request(1, shaOf(after)), 20);
  expect(parcelOf(nothing)).toMatchObject({ base: null, objectBytes: after.length });
  expect(await applied(null, bytesOf(nothing), after.length)).toEqual(after);

  const candidates = [shaOf(unlike), shaOf("not at the hub"), shaOf(before)];
  const patched = await device.blocks(request(2, shaOf(after), { candidates }), 1);
  expect(parcelOf(patched)).toMatchObject({ base: 2, objectBytes: after.length });
  expect(parcelOf(patched).bytes).toBeLessThan(200);
  expect(await applied(before, bytesOf(patched), after.length)).toEqual(after);

  const state = await device.blocks(request(3, revision), 1);
  expect((await applied(null, bytesOf(state), parcelOf(state).objectBytes)).toString()).toBe(
    stateOf({ "root.squashfs": after }),
  );
});

test("blocks come in the order in which they are asked for, the first one before them when they are of another parcel", async () => {
  const bytes = randomBytes(9_000);
  const revision = await post(world, { "root.squashfs": bytes });
  await using device = await wiredDevice(world, ["order"]);
  await release(world, revision, "order");
  await device.order(({ stateDigest }) => stateDigest === revision);
  const missing = [
    { from: 2, count: 2 },
    { from: 6, count: 1 },
  ];
  const first = await device.blocks(request(1, shaOf(bytes), { missing }), 4);
  expect(first.map(({ index }) => index)).toEqual([0, 2, 3, 6]);
  expect(first.map(({ parcel }) => parcel !== null)).toEqual([true, false, false, false]);
  const begun = parcelOf(first).digest.slice(0, 16);
  const more = await device.blocks(request(2, shaOf(bytes), { missing, parcel: begun }), 3);
  expect(more.map(({ index }) => index)).toEqual([2, 3, 6]);
  const another = await device.blocks(request(3, shaOf(bytes), { missing, parcel: "00".repeat(8) }), 4);
  expect(another.map(({ index }) => index)).toEqual([0, 2, 3, 6]);
});

test("no more blocks come than a request may have", async () => {
  const bytes = randomBytes(100_000);
  const revision = await post(world, { "root.squashfs": bytes });
  await using device = await wiredDevice(world, ["many"]);
  await release(world, revision, "many");
  await device.order(({ stateDigest }) => stateDigest === revision);
  const missing = [{ from: 0, count: 1000 }];
  await device.blocks(request(1, shaOf(bytes), { missing }), 64);
  const rest = await device.blocks(request(2, shaOf(bytes), { missing: [{ from: 97, count: 1000 }] }), 2);
  expect(rest.map(({ index }) => index)).toEqual([0, 97]); // and 98 blocks are all there are
  expect(device.heard.filter(({ leaf }) => leaf === "n/o")).toHaveLength(66);
});

test("a device that asks for an object of others gets nothing of it, and does not learn whether it is there", async () => {
  const [own, foreign] = [randomBytes(2_000), randomBytes(2_000)];
  const revision = await post(world, { "root.squashfs": own });
  const secret = await post(world, { "root.squashfs": foreign });
  const lost = randomBytes(100);
  await putObject(world, lost); // of no revision
  await using device = await wiredDevice(world, ["own"]);
  await using owner = await wiredDevice(world, ["foreign"]);
  await release(world, revision, "own");
  await release(world, secret, "foreign");
  await device.order(({ stateDigest }) => stateDigest === revision);
  await owner.order(({ stateDigest }) => stateDigest === secret);

  const nothing = { index: 0, bytes: new Uint8Array(), parcel: null };
  for (const [transfer, object] of [shaOf(foreign), secret, shaOf(lost), shaOf("nowhere")].entries()) {
    expect(await device.blocks(request(transfer, object), 1)).toEqual([{ ...nothing, transfer }]);
  }
  expect(parcelOf(await owner.blocks(request(9, shaOf(foreign)), 2)).objectBytes).toBe(2_000);

  // What it was to run once it may have, to go on or to go back.
  await release(world, secret, "own");
  await device.order(({ stateDigest }) => stateDigest === secret);
  for (const [at, object] of [shaOf(own), shaOf(foreign)].entries()) {
    expect(parcelOf(await device.blocks(request(20 + at, object), 2)).objectBytes).toBe(2_000);
  }
});
