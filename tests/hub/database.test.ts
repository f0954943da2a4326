import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeviceId } from "../../runtime/fleet/terms/index.ts";
import { explainDatabase, type HubDatabase, type NewDevice, openSqlite } from "../../runtime/hub/database/index.ts";
import { migrations } from "../../runtime/hub/database/migrations.ts";
import type { Digest } from "../../runtime/state/index.ts";
import { unwrap } from "../signatures/signed-state.ts";

let folder = "";
let path = "";
let db: HubDatabase;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cairn-database-"));
  path = join(folder, "hub.db");
  db = unwrap(openSqlite(path));
});
afterEach(async () => {
  await db.close();
  rmSync(folder, { recursive: true });
});

const [a, b] = ["aaaaaaaaaaaaa", "bbbbbbbbbbbbb"] as DeviceId[] as [DeviceId, DeviceId];
const device = (id: DeviceId, status: NewDevice["status"] = "waiting"): NewDevice => ({
  id,
  key: Buffer.from(id),
  status,
  code: "abc234",
});
const by = (atMs: number, who = "jane") => ({ who, atMs });
const certificate = (name: string, notAfterMs: number) => ({
  serial: Buffer.from(name),
  der: Buffer.from(`certificate ${name}`),
  notAfterMs,
});

async function reopen(): Promise<void> {
  await db.close();
  db = unwrap(openSqlite(path));
}

test("a device waits, is accepted, is revoked, and stays so", async () => {
  expect(await db.addDevice(device(a), by(1))).toBe(true);
  expect(await db.addDevice(device(a, "accepted"), by(2))).toBe(false);
  expect(await db.findDevice(a)).toEqual({
    id: a,
    key: new Uint8Array(Buffer.from(a)),
    status: "waiting",
    code: "abc234",
    tags: [],
    firstMs: 1,
    changedMs: 1,
    askedMs: 1,
    report: null,
    presence: null,
    falls: null,
  });
  expect(await db.acceptDevice(a, by(3))).toBe(true);
  expect(await db.acceptDevice(a, by(4))).toBe(false);
  expect(await db.revokeDevice(a, by(5))).toBe(true);
  expect(await db.revokeDevice(a, by(6))).toBe(false);
  expect(await db.acceptDevice(a, by(7))).toBe(false);
  await reopen();
  expect(await db.findDevice(a)).toMatchObject({ status: "revoked", firstMs: 1, changedMs: 5 });
  expect(await db.listDeeds(10)).toEqual([
    { who: "jane", atMs: 5, what: "revoke", about: a },
    { who: "jane", atMs: 3, what: "accept", about: a },
  ]);
});

test("nothing is known of a stranger", async () => {
  expect(await db.findDevice(a)).toBeNull();
  expect(await db.listDevices()).toEqual([]);
  expect(await db.acceptDevice(a, by(1))).toBe(false);
  expect(await db.revokeDevice(a, by(1))).toBe(false);
  expect(await db.setTags(a, ["x"], by(1))).toBe(false);
  expect(await db.markAsked(a, 1)).toBe(false);
  expect(await db.setReport(a, { atMs: 1, text: "{}" })).toBe(false);
  expect(await db.addCertificate(a, certificate("1", 9))).toBe(false);
  expect(await db.newestCertificate(a)).toBeNull();
  expect(await db.listDeeds(10)).toEqual([]);
});

test("tags and reports are those given last", async () => {
  await db.addDevice(device(b, "accepted"), by(1));
  await db.addDevice(device(a), by(1));
  expect(await db.setTags(b, ["lab", "arm"], by(2))).toBe(true);
  expect(await db.setTags(b, ["lab", "x86"], by(3))).toBe(true);
  expect(await db.setReport(b, { atMs: 4, text: "{}" })).toBe(true);
  await db.markAsked(b, 5);
  expect(await db.listDevices()).toMatchObject([
    { id: a, tags: [], report: null, askedMs: 1 },
    { id: b, tags: ["lab", "x86"], report: { atMs: 4, text: "{}" }, askedMs: 5 },
  ]);
});

test("who waits and asks no more is forgotten, and nobody else", async () => {
  await db.addDevice(device(a), by(1));
  await db.addDevice(device(b, "accepted"), by(1));
  expect(await db.countWaiting()).toBe(1);
  await db.forgetWaiting(1);
  expect(await db.countWaiting()).toBe(1);
  await db.forgetWaiting(2);
  expect((await db.listDevices()).map(({ id }) => id)).toEqual([b]);
});

test("only an accepted device gets certificates, and loses all of them when it is revoked", async () => {
  await db.addDevice(device(a), by(1));
  await db.addDevice(device(b, "accepted"), by(1));
  expect(await db.addCertificate(a, certificate("0", 9))).toBe(false);
  await db.acceptDevice(a, by(2));
  for (const [name, end] of [
    ["1", 10],
    ["2", 30],
    ["3", 20],
  ] as const) {
    expect(await db.addCertificate(a, certificate(name, end))).toBe(true);
  }
  expect(await db.addCertificate(a, certificate("3", 20))).toBe(true);
  expect(await db.addCertificate(b, certificate("4", 20))).toBe(true);
  expect(Buffer.from((await db.newestCertificate(a))?.der ?? []).toString()).toBe("certificate 2");
  expect(await db.revokedCertificates(0)).toEqual([]);

  await db.revokeDevice(a, by(7));
  expect(await db.newestCertificate(a)).toBeNull();
  expect(await db.addCertificate(a, certificate("5", 50))).toBe(false);
  const revoked = async (notAfterMs: number) =>
    (await db.revokedCertificates(notAfterMs)).map(({ serial, atMs }) => [Buffer.from(serial).toString(), atMs]);
  expect(await revoked(20)).toEqual([
    ["2", 7],
    ["3", 7],
  ]);
  expect(await revoked(31)).toEqual([]);
});

test("tokens are kept by purpose, settings by name", async () => {
  await db.addToken({ hash: Buffer.from("h1"), purpose: "join", holder: "image 1" }, by(1, "hub"));
  await db.addToken({ hash: Buffer.from("h2"), purpose: "operator", holder: "jane" }, by(2, "hub"));
  expect((await db.listTokens("operator")).map(({ hash, ...rest }) => [Buffer.from(hash).toString(), rest])).toEqual([
    ["h2", { purpose: "operator", holder: "jane" }],
  ]);
  expect(await db.removeTokens("operator", "image 1", by(3, "hub"))).toBe(0);
  expect(await db.removeTokens("join", "image 1", by(4, "hub"))).toBe(1);
  expect([(await db.listTokens("join")).length, (await db.listTokens("operator")).length]).toEqual([0, 1]);
  expect(await db.listDeeds(1)).toEqual([{ who: "hub", atMs: 4, what: "noToken", about: "image 1" }]);
  expect(await db.setting("fleet")).toBeNull();
  await db.setSetting("fleet", "lab");
  await db.setSetting("fleet", "yard");
  expect(await db.setting("fleet")).toBe("yard");
});

test("the files are for their owner alone", async () => {
  await db.addDevice(device(a), by(1));
  const names = readdirSync(folder);
  expect(names.length).toBeGreaterThan(1);
  for (const name of names) expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
});

test("a file has one hub at a time", () => {
  const second = openSqlite(path);
  expect(second.ok ? "" : explainDatabase(second.error)).toMatch(/another hub works in this folder/);
});

test("a file of the first version keeps what it has, and can keep more", async () => {
  await db.close();
  const old = new Database(join(folder, "old.db"));
  old.run(migrations[0] ?? "");
  old.run("PRAGMA user_version = 1");
  old.run(
    `INSERT INTO device (id, key, status, code, firstMs, changedMs, askedMs) VALUES ('${a}', x'00', 'revoked', 'abc234', 1, 1, 1)`,
  );
  old.run("INSERT INTO deed (atMs, who, what, about) VALUES (1, 'jane', 'revoke', 'x')");
  old.close();
  db = unwrap(openSqlite(join(folder, "old.db")));
  expect(await db.findDevice(a)).toMatchObject({ status: "revoked", report: null, presence: null });
  expect(await db.listDeeds(9)).toHaveLength(1);
  expect(await db.listUncleared()).toEqual([a]); // whatever an older hub left with the broker
  expect(await db.setPresence(a, "asleep", 5)).toBe(true);
  expect(await db.findDevice(a)).toMatchObject({ presence: { is: "asleep", atMs: 5 } });
  expect([await db.revisions.list(), await db.releases.list(9), await db.parcels.list()]).toEqual([[], [], []]);
});

describe("what devices are to run", () => {
  const [old, next] = ["1".repeat(64), "2".repeat(64)] as [Digest, Digest];
  const shared = "3".repeat(64) as Digest;
  const revision = (digest: Digest, atMs: number) => ({ digest, bytes: 9, message: "", ...by(atMs) });
  const wish = (digest: Digest, tag: string, https = false) =>
    ({ revision: digest, tag, policy: { security: false, https, whole: false }, expiryMs: null }) as const;
  const order = (id: DeviceId, sequence: number, digest: Digest, release: number) => ({
    device: id,
    sequence,
    rev: sequence,
    revision: digest,
    release,
    envelope: Uint8Array.of(sequence),
    atMs: 1,
  });
  beforeEach(async () => {
    for (const id of [a, b]) await db.addDevice(device(id, "accepted"), by(1));
    await db.revisions.add(revision(old, 1), [old, shared]);
    await db.revisions.add(revision(next, 2), [next, shared, shared]);
    await db.releases.add(wish(old, "lab"), by(3));
  });

  test("revisions are found by their first digits, and stay while they are in use", async () => {
    expect(await db.revisions.add(revision(old, 9), [old])).toBe(false);
    expect((await db.revisions.list()).map(({ digest }) => digest)).toEqual([next, old]);
    expect((await db.revisions.find("1111")).map(({ atMs }) => atMs)).toEqual([1]);
    expect([await db.revisions.find("4"), await db.revisions.find("%")]).toEqual([[], []]);
    expect(await db.revisions.find("")).toHaveLength(2);
    expect(await db.revisions.objectsOf(next)).toEqual([next, shared]);
    expect(await db.revisions.remove(old, by(4))).toBe("released");
    await db.releases.give([order(a, 1, old, 1)]);
    await db.releases.add(wish(next, "lab"), by(5));
    expect(await db.revisions.remove(old, by(6))).toBe("desired");
    await db.releases.give([order(a, 2, next, 2)]);
    expect(await db.revisions.remove(old, by(7))).toBe("removed");
    expect(await db.revisions.remove(old, by(8))).toBe("unknown");
    expect(await db.revisions.reached()).toEqual(new Set([next, shared]));
    expect((await db.listDeeds(1))[0]).toEqual({ what: "noRevision", about: old, ...by(7) });
    await reopen();
    expect((await db.releases.list(9)).map(({ number }) => number)).toEqual([2, 1]);
  });

  test("an order's number is given once, and only to a device of the fleet", async () => {
    expect(await db.releases.give([order(a, 1, old, 1), order(b, 1, old, 1)])).toBe(2);
    expect(await db.releases.give([order(a, 1, next, 1), order(b, 3, next, 1)])).toBe(1);
    expect(await db.releases.give([order(b, 2, old, 1)])).toBe(0);
    expect(await db.releases.lastOrder(b)).toMatchObject({ sequence: 3, revision: next, publishedMs: null });
    await db.revokeDevice(a, by(5));
    expect(await db.releases.give([order(a, 9, old, 1)])).toBe(0);
    expect((await db.releases.unpublished(9)).map(({ device, sequence }) => [device, sequence])).toEqual([[b, 3]]);
    await db.releases.markPublished([{ device: b, sequence: 3, epoch: 1 }], 6);
    expect(await db.releases.unpublished(9)).toEqual([]);
  });

  test("a device may have what it was ever to run, by the policy of the last order for it", async () => {
    const may = (id: DeviceId, object: Digest) => db.releases.policyFor(id, object);
    await db.releases.add(wish(next, "lab", true), by(4));
    expect(await may(a, shared)).toBeNull();
    await db.releases.give([order(a, 1, old, 1)]);
    expect(await may(a, shared)).toMatchObject({ https: false });
    expect([await may(a, next), await may(b, shared)]).toEqual([null, null]);
    await db.releases.give([order(a, 2, next, 2)]);
    expect(await may(a, shared)).toMatchObject({ https: true });
    expect(await may(a, old)).toMatchObject({ https: false });
    await db.revokeDevice(a, by(5));
    expect(await may(a, old)).toBeNull();
  });
});

describe("the order key that a device has", () => {
  test("is the first one, until it says otherwise; another one is news once", async () => {
    await db.addDevice({ id: a, key: Buffer.from("a"), status: "accepted", code: "abc234" }, by(1));
    expect([await db.orderEpochs.of(a), await db.orderEpochs.of(b)]).toEqual([1, 1]);
    expect([await db.orderEpochs.has(a, 1), await db.orderEpochs.has(b, 2)]).toEqual([false, false]);
    expect([await db.orderEpochs.has(a, 3), await db.orderEpochs.has(a, 3)]).toEqual([true, false]);
    await reopen();
    expect([await db.orderEpochs.of(a), await db.orderEpochs.has(a, 1)]).toEqual([3, true]);
  });

  test("may be followed by another: every device is to hear of it, and the log says so", async () => {
    await db.addDevice({ id: a, key: Buffer.from("a"), status: "accepted", code: "abc234" }, by(1));
    for (const due of await db.beacons.due(9)) await db.beacons.given(due, 5);
    expect(await db.beacons.due(9)).toEqual([]);
    await db.orderEpochs.add(2, by(4));
    expect(await db.beacons.due(9)).toMatchObject([{ device: a, lastS: 5, epoch: 1 }]);
    expect(await db.listDeeds(1)).toEqual([{ what: "orderKey", about: "epoch 2", ...by(4) }]);
  });
});

test("a file of a newer program, and one that is no database, are left alone", async () => {
  await db.close();
  const other = new Database(path);
  other.run("PRAGMA user_version = 99");
  other.close();
  const newer = openSqlite(path);
  expect(newer.ok ? "" : explainDatabase(newer.error)).toContain(
    `has version 99, and this program knows ${migrations.length} at most`,
  );
  const text = join(folder, "text.db");
  writeFileSync(text, "no database, but long enough to be looked at as one".repeat(20));
  const none = openSqlite(text);
  expect(none.ok ? "" : explainDatabase(none.error)).toMatch(/text\.db: .*not a database/);
  rmSync(path);
  db = unwrap(openSqlite(path));
});
