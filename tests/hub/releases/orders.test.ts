/** Orders on their way from the database to a broker, whatever ends in between. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeviceId } from "../../../runtime/fleet/terms/index.ts";
import { type DeviceState, openSigned } from "../../../runtime/fleet/wire/index.ts";
import { type HubDatabase, openSqlite } from "../../../runtime/hub/database/index.ts";
import {
  explainRelease,
  openOrderReports,
  openPublisher,
  openReleases,
  type Releases,
} from "../../../runtime/hub/releases/index.ts";
import type { Digest, RevisionName } from "../../../runtime/state/index.ts";
import { unwrap } from "../../signatures/signed-state.ts";
import { fleet, orderKey, testSigner } from "../fixtures.ts";

const [a, b] = ["a".repeat(64), "b".repeat(64)] as [Digest, Digest];
const ids = Array.from(
  { length: 40 },
  (_, at) => `device${String.fromCharCode(97 + (at >> 4), 97 + (at & 15))}aaaaa` as DeviceId,
);
const [one, two] = [ids[0], ids[1]] as [DeviceId, DeviceId];
const by = { who: "jane", atMs: 1 };
const wish = (revision: Digest, tag: string) =>
  ({ revision, tag, policy: { security: false, https: false, whole: false }, expiryMs: null }) as const;

let folder = "";
let database: HubDatabase;
let releases: Releases;
let [calls, nowMs] = [0, 1_000];
let later: (() => Promise<void>)[] = [];
let ended: DeviceId[] = [];
/** While a message is on its way. */
let during = async (): Promise<unknown> => undefined;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cairn-orders-"));
  database = unwrap(openSqlite(join(folder, "hub.db")));
  [calls, nowMs, later, ended, during] = [0, 1_000, [], [], async () => undefined];
  releases = openReleases({
    database,
    fleet,
    signer: testSigner(database),
    now: () => nowMs,
    publish: () => {
      calls += 1;
    },
    again: (act) => void later.push(act),
    log: () => {},
  });
  for (const digest of [a, b]) {
    await database.revisions.add({ digest, bytes: 100, message: "", ...by }, [digest]);
  }
  for (const id of [one, two]) await enlist(id);
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});
const enlist = (id: DeviceId) =>
  database.addDevice({ id, key: Buffer.from(id), status: "accepted", code: "abc234" }, by);

/** A broker that takes so many messages, and then no more. */
function broker(takes = Number.POSITIVE_INFINITY, newest = 1) {
  const [kept, envelopes, atOnce] = [new Map<string, number>(), [] as Uint8Array[], { now: 0, most: 0 }];
  let left = takes;
  const publisher = openPublisher({
    fleet,
    database,
    signer: testSigner(database, newest),
    async publish(topic, bytes) {
      atOnce.most = Math.max(atOnce.most, ++atOnce.now);
      await Bun.sleep(0);
      await during();
      atOnce.now -= 1;
      if (left <= 0) return false;
      left -= 1;
      kept.set(topic, bytes.length);
      envelopes.push(bytes);
      return true;
    },
    now: () => nowMs,
  });
  return { publisher, kept, envelopes, atOnce };
}

describe("what the broker did not acknowledge", () => {
  test("is published by the next start, and what it did is not", async () => {
    unwrap(await releases.release(wish(a, "all"), "jane"));
    expect(calls).toBe(1);
    const dying = broker(1);
    await dying.publisher.run();
    expect([...dying.kept.keys()]).toEqual([`c/lab/${one}/n/d`]);
    const next = broker();
    await next.publisher.run();
    expect([...next.kept.keys()]).toEqual([`c/lab/${two}/n/d`]);
    expect((await releases.orderOf(two))?.publishedMs).toBe(1_000);
    await next.publisher.run();
    expect(next.kept.size).toBe(1);
  });

  test("is only ever the last order of a device", async () => {
    unwrap(await releases.release(wish(a, "all"), "jane"));
    unwrap(await releases.release(wish(b, "all"), "jane"));
    expect((await database.releases.unpublished(99)).map(({ sequence }) => sequence)).toEqual([2, 2]);
  });

  test("goes out a few at a time, as many as brokers take", async () => {
    for (const id of ids) await enlist(id);
    unwrap(await releases.release(wish(a, "all"), "jane"));
    const { publisher, kept, atOnce } = broker();
    await publisher.run();
    expect([kept.size, atOnce.most]).toEqual([40, 16]);
  });

  test("of a release that was kept when the hub ended becomes an order at the next start", async () => {
    await database.releases.add(wish(a, "all"), by);
    await releases.settle(null);
    await releases.settle(null);
    expect([calls, await releases.orderOf(one)]).toMatchObject([1, { sequence: 1, revision: a }]);
  });
});

test("what the broker keeps of a device that is out is taken away, once, and it gets no order any more", async () => {
  unwrap(await releases.release(wish(a, "all"), "jane"));
  await database.revokeDevice(one, by);
  const dying = broker(2);
  await dying.publisher.run();
  const next = broker();
  await next.publisher.run();
  const cleared = ["n/d", "n/t", "u/l", "u/s"].map((leaf) => [`c/lab/${one}/${leaf}`, 0] as [string, number]);
  expect([...next.kept].filter(([topic]) => topic.includes(one)).sort()).toEqual([...cleared]);
  expect([...next.kept.keys()].filter((topic) => topic.includes(two))).toEqual([`c/lab/${two}/n/d`]);
  const third = broker();
  await third.publisher.run();
  expect(third.kept.size).toBe(0);
  await releases.settle(one);
  expect(await database.releases.standings(one)).toEqual([]);
});

const keys = new Map([1, 2].map((epoch) => [epoch, orderKey(epoch).publicKey]));
const opened = (envelope: Uint8Array, device: DeviceId) =>
  unwrap(openSigned({ fleet, device, leaf: "n/d" }, envelope, keys));

test("a device that gets another order key gets its order again, signed with that, and so does one that is back at an old one", async () => {
  await database.setTags(one, ["x"], by);
  unwrap(await releases.release(wish(a, "x"), "jane"));
  const { publisher, envelopes } = broker(99, 2);
  for (const epoch of [1, 2, 2, 1]) {
    await database.orderEpochs.has(one, epoch);
    await publisher.run();
  }
  expect(envelopes.map((envelope) => opened(envelope, one).epoch)).toEqual([1, 2, 1]);
  expect(new Set(envelopes.map((envelope) => opened(envelope, one).payload.join())).size).toBe(1);
});

test("an order that is on its way when its device gets another order key goes out once more", async () => {
  await database.setTags(one, ["x"], by);
  unwrap(await releases.release(wish(a, "x"), "jane"));
  const { publisher, envelopes } = broker(99, 2);
  during = () => database.orderEpochs.has(one, 2);
  for (let run = 0; run < 3; run += 1) await publisher.run();
  expect(envelopes.map((envelope) => opened(envelope, one).epoch)).toEqual([1, 2]);
});

test("a release whose orders cannot be kept counts, and they are given in a while", async () => {
  const { give } = database.releases;
  Object.assign(database.releases, { give: () => Promise.reject(new Error("database or disk is full")) });
  unwrap(await releases.release(wish(a, "all"), "jane"));
  expect([calls, await releases.orderOf(one)]).toEqual([0, null]);
  Object.assign(database.releases, { give });
  for (const act of later) await act();
  expect([calls, await releases.orderOf(one)]).toMatchObject([1, { sequence: 1, revision: a }]);
});

test("a release is for a tag, in time, and of a revision that is there", async () => {
  const wrong = [
    { ...wish(a, "No") },
    { ...wish(a, "x"), expiryMs: nowMs },
    { ...wish("c".repeat(64) as Digest, "x") },
  ];
  const why = [/"No" is no tag/, /expired already/, /there is no revision c+$/];
  for (const [at, one] of wrong.entries()) {
    const released = await releases.release(one, "jane");
    expect(released.ok ? "" : explainRelease(released.error)).toMatch(why[at] ?? /never/);
  }
  expect(await releases.list()).toEqual([]);
});

describe("what a device says of its order", () => {
  const state = (sequence: number, digest: string, status: DeviceState["status"] = "DONE"): DeviceState => ({
    sequence,
    running: "7" as RevisionName,
    stateDigestPrefix: digest.slice(0, 16),
    status,
    containers: new Map(),
    bytes: { day: 1, month: 2 },
    flags: { clockUnknown: false, safeMode: false, local: false },
    version: "0.1.0",
    userMeta: null,
    deviceMeta: null,
    orderEpoch: null,
  });
  const reports = () =>
    openOrderReports(database.releases, {
      now: () => nowMs,
      publish: () => {
        calls += 1;
      },
      settle: releases.settle,
      endSession: (device) => ended.push(device),
    });
  const told = async (phase: "downloading" | "error" | "done", percent: number) =>
    reports().progress(one, { sequence: 1, phase, percent, reason: phase === "error" ? "goalMissed" : null });

  beforeEach(async () => {
    unwrap(await releases.release(wish(a, "all"), "jane"));
  });

  test("is kept and counted", async () => {
    expect(await told("downloading", 30)).toBe(true);
    expect((await releases.list())[0]?.tally).toEqual({ meant: 2, taken: 1, done: 0, failed: 0, reasons: {} });
    await told("error", 30);
    expect((await releases.list())[0]?.tally).toMatchObject({ failed: 1, reasons: { goalMissed: 1 } });
    await told("done", 100);
    expect((await releases.list())[0]?.tally).toEqual({ meant: 2, taken: 1, done: 1, failed: 0, reasons: {} });
    expect(await reports().progress(one, { sequence: 2, phase: "done", percent: 100, reason: null })).toBe(false);
  });

  test("counts by its state, too: that it has come, and that it runs for good", async () => {
    await reports().state(one, state(1, b, "TESTING"), null);
    expect(await releases.orderOf(one)).toMatchObject({ takenMs: 1_000, progress: null });
    await reports().state(one, state(1, a, "TESTING"), null);
    expect(await releases.orderOf(one)).toMatchObject({ progress: null });
    await reports().state(one, state(1, a), null);
    expect(await releases.orderOf(one)).toMatchObject({ progress: { phase: "done" } });
    await reports().state(two, state(0, a), null); // ran it already, and knows nothing of the order
    expect(await releases.orderOf(two)).toMatchObject({ takenMs: null, progress: null });
  });

  test("that it does not know it any more has it published again at once, and once", async () => {
    await broker().publisher.run();
    await reports().state(one, state(1, b, "TESTING"), null);
    nowMs += 1;
    calls = 0;
    await reports().state(one, state(0, b), null);
    expect(calls).toBe(1);
    await broker().publisher.run();
    await reports().state(one, state(0, b), null);
    expect(calls).toBe(1);
  });

  test("that it has a later one which is not known here gets it another order, with the objects that it may have", async () => {
    database.setReport(one, { atMs: nowMs, text: JSON.stringify({ sequence: 40, running: "7" }) });
    await reports().state(one, state(40, b), null);
    expect(await releases.orderOf(one)).toMatchObject({ sequence: 41, rev: 8, revision: a, publishedMs: null });
    database.setReport(one, { atMs: nowMs, text: JSON.stringify({ sequence: 50, running: "7" }) });
    await reports().state(one, state(50, b), null);
    expect(await releases.orderOf(one)).toMatchObject({ sequence: 51 });
    expect(await database.releases.policyFor(one, a)).not.toBeNull();
    expect(await database.releases.markTaken(one, 41, nowMs)).toBe(false); // what was never taken of the same is not kept
  });

  test("counts when the broker forgets: what nobody has taken is published again", async () => {
    await broker().publisher.run();
    await reports().state(one, state(1, a), null);
    calls = 0;
    await database.releases.unmarkUntaken(nowMs + 1);
    await broker().publisher.run();
    expect(calls).toBe(0); // it had written that down
    await database.releases.unmarkUntaken(nowMs);
    const again = broker();
    await again.publisher.run();
    expect([...again.kept.keys()]).toEqual([`c/lab/${two}/n/d`]);
  });

  test("that it does not know it an hour after it was published, and was there meanwhile, has it published again and its connection made anew", async () => {
    await broker().publisher.run();
    const publishedMs = nowMs;
    calls = 0;
    const report = (beforeMs: number | null) => reports().state(one, state(0, b), beforeMs);
    nowMs += 3_600_000;
    await report(publishedMs + 1);
    nowMs += 1;
    for (const beforeMs of [null, publishedMs - 1, publishedMs]) await report(beforeMs);
    expect([calls, ended]).toEqual([0, []]); // it comes with this connection
    await report(publishedMs + 1);
    expect([calls, ended]).toEqual([1, [one]]);
    const again = broker();
    await again.publisher.run();
    expect([...again.kept.keys()]).toEqual([`c/lab/${one}/n/d`]);
    await report(nowMs - 1);
    expect([calls, ended]).toEqual([1, [one]]);
  });
});
