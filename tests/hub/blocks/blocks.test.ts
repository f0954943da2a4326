import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeviceId } from "../../../runtime/fleet/terms/index.ts";
import { type Block, type BlockRequest, decodeBlock } from "../../../runtime/fleet/wire/index.ts";
import { openBlocks } from "../../../runtime/hub/blocks/index.ts";
import type { HubDatabase } from "../../../runtime/hub/database/index.ts";
import type { Parcel } from "../../../runtime/hub/parcels/index.ts";
import type { Digest } from "../../../runtime/state/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { unwrap } from "../../signatures/signed-state.ts";
import { shaOf } from "../authored.ts";
import { fleet } from "../fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "cairn-blocks-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "parcel");
writeFileSync(path, "x".repeat(5000));
const [one, two] = ["aaaaaaaaaaaaa", "bbbbbbbbbbbbb"] as [DeviceId, DeviceId];
const object = shaOf("object");
const parcel: Parcel = {
  target: object,
  base: null,
  format: 1,
  digest: shaOf("x".repeat(5000)),
  bytes: 5000,
  key: new Uint8Array(16),
  askedMs: 0,
  path,
  objectBytes: 9000,
};
const request = (transfer: number, more: Partial<BlockRequest> = {}): BlockRequest => ({
  transfer,
  object,
  blockBytes: 1024,
  candidates: [],
  missing: [{ from: 0, count: 1 }],
  parcel: null,
  ...more,
});

type Chosen = Parcel | "noObject" | "notMade";
let sent: { readonly to: string; readonly block: Block }[] = [];
let chosen: {
  readonly object: Digest;
  readonly bases: readonly Digest[];
  readonly answer: PromiseWithResolvers<Chosen>;
}[] = [];
let status: "accepted" | "revoked" | null = "accepted";
let nowMs = 0;
let log: string[] = [];
let isOnline = true;
beforeEach(() => {
  [sent, chosen, status, nowMs, log, isOnline] = [[], [], "accepted", 0, [], true];
});

/** `later`: what is chosen is said by the test. */
function world(later = false) {
  const database = {
    findDevice: async () => (status === null ? null : { status }),
    releases: { policyFor: async () => ({ security: false, https: false, whole: false }) },
    revisions: { among: async (objects: readonly Digest[]) => objects.filter((object) => object !== shaOf("stray")) },
  } as unknown as HubDatabase;
  return openBlocks({
    fleet,
    disk: realDisk,
    database,
    parcels: {
      choose(of, bases) {
        const answer = Promise.withResolvers<Chosen>();
        chosen.push({ object: of, bases, answer });
        if (!later) answer.resolve(parcel);
        return answer.promise;
      },
    },
    async publish(to, bytes) {
      if (isOnline) sent.push({ to, block: unwrap(decodeBlock(bytes)) });
      return isOnline;
    },
    now: () => nowMs,
    log: (line) => void log.push(line),
  });
}

/** Long enough for what waits for nothing but files. */
async function until(fits: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!fits() && performance.now() < end) await Bun.sleep(1);
  expect(fits()).toBe(true);
}

test("blocks go to the device that asks, and to nobody else", async () => {
  const blocks = world();
  blocks.hear(one, request(7, { missing: [{ from: 3, count: 5 }] }));
  await until(() => sent.length === 3);
  expect(sent.map(({ to, block }) => [to, block.transfer, block.index, block.bytes.length])).toEqual([
    [`c/lab/${one}/n/o`, 7, 0, 1024],
    [`c/lab/${one}/n/o`, 7, 3, 1024],
    [`c/lab/${one}/n/o`, 7, 4, 904],
  ]);
});

test("of what a device asks too often nothing is looked at, and others are not held up", async () => {
  const blocks = world();
  for (let round = 0; round < 100; round += 1) {
    blocks.hear(one, request(1));
    await until(() => sent.length === Math.min(round + 1, 40));
  }
  expect(chosen).toHaveLength(40);
  blocks.hear(two, request(1));
  await until(() => sent.length === 41);
  nowMs += 1000;
  for (let round = 0; round < 100; round += 1) {
    blocks.hear(one, request(1));
    await until(() => sent.length === 41 + Math.min(round + 1, 20));
  }
  expect(chosen).toHaveLength(61);
});

test("while one request is worked on the newest of each transfer waits, of four transfers at most", async () => {
  const blocks = world(true);
  const asked = (n: number) => shaOf(String(n));
  blocks.hear(one, request(1, { object: asked(0) }));
  await until(() => chosen.length === 1);
  for (const [at, transfer] of [1, 2, 3, 4, 5, 2, 3].entries()) {
    blocks.hear(one, request(transfer, { object: asked(at + 1) }));
  }
  blocks.hear(one, request(3, { missing: [] })); // wanted no more
  for (let at = 0; at < 4; at += 1) {
    await until(() => chosen.length === at + 1);
    chosen[at]?.answer.resolve(parcel);
  }
  await until(() => sent.length === 4);
  expect(chosen.map((each) => each.object)).toEqual([asked(0), asked(1), asked(6), asked(4)]);
});

test.each([
  ["revoked", "revoked"],
  ["unknown", null],
] as const)("a device that is %s is not answered", async (_, is) => {
  const blocks = world();
  status = is;
  blocks.hear(one, request(1));
  await Bun.sleep(0);
  status = "accepted";
  blocks.hear(two, request(3));
  await until(() => sent.length > 0);
  expect(sent.map(({ to }) => to)).toEqual([`c/lab/${two}/n/o`]);
  expect(chosen).toHaveLength(1);
});

test("what cannot be made is not answered, and a broker that is gone ends an answer", async () => {
  const blocks = world(true);
  blocks.hear(one, request(1));
  await until(() => chosen.length === 1);
  chosen[0]?.answer.resolve("notMade");
  blocks.hear(one, request(2));
  await until(() => chosen.length === 2);
  isOnline = false;
  chosen[1]?.answer.resolve(parcel);
  blocks.hear(one, request(3));
  await until(() => chosen.length === 3);
  isOnline = true;
  chosen[2]?.answer.reject(new Error("disk"));
  blocks.hear(one, request(4));
  await until(() => chosen.length === 4);
  chosen[3]?.answer.resolve("noObject");
  await until(() => sent.length === 1);
  expect(sent[0]?.block).toEqual({ transfer: 4, index: 0, bytes: new Uint8Array(), parcel: null });
  expect(log).toEqual([expect.stringMatching(/^device aaaaaaaaaaaaa asked for [0-9a-f]{64} in vain: Error: disk$/)]);
});

test("a patch is made only from objects of revisions", async () => {
  const base = shaOf("base");
  world().hear(one, request(1, { candidates: [shaOf("stray"), base] }));
  while (sent.length === 0) await Bun.sleep(1);
  expect(chosen.map(({ bases }) => bases)).toEqual([[base]]);
});
