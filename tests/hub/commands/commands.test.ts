/** Commands on their way from an operator to a broker and back, whatever ends in between. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { deflatedText } from "../../../runtime/fleet/logs/index.ts";
import type { DeviceId, Operation } from "../../../runtime/fleet/terms/index.ts";
import { decodeCommand, openSigned } from "../../../runtime/fleet/wire/index.ts";
import { type Commands, explainCommand, openCommands } from "../../../runtime/hub/commands/index.ts";
import { type Device, type HubDatabase, openSqlite } from "../../../runtime/hub/database/index.ts";
import { openLogs } from "../../../runtime/hub/logs/index.ts";
import type { RevisionName } from "../../../runtime/state/index.ts";
import { unwrap } from "../../signatures/signed-state.ts";
import { fleet, orderKey, testSigner } from "../fixtures.ts";

const [one, two] = ["aaaaaaaaaaaaa", "bbbbbbbbbbbbb"] as [DeviceId, DeviceId];
const by = { who: "jane", atMs: 1 };
const NOW_MS = Date.UTC(2026, 10, 26);

interface Published {
  readonly topic: string;
  readonly bytes: Uint8Array;
  readonly expiryS: number;
}
let folder = "";
let database: HubDatabase;
let commands: Commands;
let published: Published[] = [];
let [isThere, nowMs] = [true, NOW_MS];
let during = async (): Promise<unknown> => undefined;
const open = (newest = 1): Commands =>
  openCommands({
    database,
    fleet,
    signer: testSigner(database, newest),
    now: () => nowMs,
    async publish(topic, bytes, expiryS) {
      await during();
      if (isThere) published.push({ topic, bytes, expiryS });
      return isThere;
    },
    log: (line) => {
      throw new Error(line);
    },
  });
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cairn-commands-"));
  database = unwrap(openSqlite(join(folder, "hub.db")));
  [published, isThere, nowMs, during] = [[], true, NOW_MS, async () => undefined];
  for (const id of [one, two])
    await database.addDevice({ id, key: Buffer.from(id), status: "accepted", code: "abc234" }, by);
  commands = open();
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

const device = async (id: DeviceId): Promise<Device> => {
  const found = await database.findDevice(id);
  if (found === null) throw new Error("a device");
  return found;
};
const give = async (operation: Operation = "gc", argument = "", expiryMs: number | null = null, id = one) =>
  commands.give(await device(id), { operation, argument, expiryMs }, "jane");

test("a command is kept with who gave it, and goes to the broker for as long as it is good for", async () => {
  const given = unwrap(await give("restartContainer", "web", nowMs + 90_500));
  await commands.publish();
  expect(given).toMatchObject({ device: one, id: NOW_MS / 1000, who: "jane", publishedMs: null, answer: null });
  expect(published).toMatchObject([{ topic: `c/lab/${one}/n/c`, expiryS: 91 }]);
  expect(await database.listDeeds(1)).toEqual([
    { what: "command", about: `${one} restartContainer web`, who: "jane", atMs: nowMs },
  ]);
  expect(await commands.find(one, given.id)).toMatchObject({ publishedMs: nowMs });
  await commands.publish();
  expect(published).toHaveLength(1);
});

test("what the broker did not take goes when it is back, in its order, and what has expired by then does not", async () => {
  isThere = false;
  unwrap(await give("gc", "", nowMs + 1_000));
  for (const argument of ["web", "db"]) unwrap(await give("restartContainer", argument));
  unwrap(await give("gc", "", null, two));
  await commands.publish();
  await database.revokeDevice(two, by);
  nowMs += 1_000;
  isThere = true;
  commands = open(); // as another start of the hub does
  await commands.publish();
  expect(published.map(({ topic }) => topic)).toEqual([`c/lab/${one}/n/c`, `c/lab/${one}/n/c`]);
  const ids = (await commands.list(one)).map(({ id }) => id);
  expect(ids).toEqual([NOW_MS / 1000 + 2, NOW_MS / 1000 + 1, NOW_MS / 1000]);
});

test("a device that the broker had no session for gets what it has missed when it reports", async () => {
  const answered = unwrap(await give()).id;
  const missed = unwrap(await give("restartContainer", "web")).id;
  unwrap(await give("gc", "", nowMs + 10));
  await commands.publish();
  await commands.result(one, { id: answered, code: "done", text: "" });
  nowMs += 10;
  published = [];
  for (const lastMs of [nowMs, nowMs - 7 * 86_400_000 + 1]) await commands.reported(one, lastMs);
  await commands.reported(two, null);
  await commands.publish();
  expect(published).toEqual([]);
  for (const lastMs of [null, nowMs - 7 * 86_400_000]) {
    published = [];
    await commands.reported(one, lastMs);
    await commands.publish();
    expect(published).toHaveLength(1);
    expect(await commands.find(one, missed)).toMatchObject({ publishedMs: nowMs });
  }
});

test("an answer is kept with its command, and one to no command is known as that", async () => {
  const { id } = unwrap(await give());
  expect(await commands.result(one, { id: id + 1, code: "done", text: "" })).toBe(false);
  expect(await commands.result(two, { id, code: "done", text: "" })).toBe(false);
  for (const text of ["4096 bytes came free", "4096 bytes came free"])
    expect(await commands.result(one, { id, code: "done", text })).toBe(true);
  expect((await commands.find(one, id))?.answer).toEqual({ code: "done", text: "4096 bytes came free", atMs: nowMs });
});

test("what cannot be is refused with a sentence, and leaves nothing behind", async () => {
  for (const [given, kind] of [
    [await give("reboot", "now"), "argument"],
    [await give("gc", "", nowMs), "expiry"],
    [await give("gc", "", nowMs + 7 * 86_400_000 + 1), "expiry"],
  ] as const) {
    expect(given).toMatchObject({ ok: false, error: { kind } });
    if (!given.ok) expect(explainCommand(given.error)).toMatch(/^[a-z]+ \w+ \w+/);
  }
  await database.revokeDevice(one, by);
  expect(await give()).toMatchObject({ ok: false, error: { kind: "status" } });
  expect(await commands.list(one)).toEqual([]);
  expect((await database.listDeeds(9)).filter(({ what }) => what === "command")).toEqual([]);
});

test("a device has so many open commands, also when they are given at once, and more when it has answered", async () => {
  const asked = await Promise.all(Array.from({ length: 10 }, () => give()));
  expect(asked.filter(({ ok }) => ok)).toHaveLength(8);
  expect(asked.find(({ ok }) => !ok)).toMatchObject({ error: { kind: "full", open: 8 } });
  await commands.result(one, { id: NOW_MS / 1000, code: "failed", text: "" });
  expect((await give()).ok).toBe(true);
  expect((await give()).ok).toBe(false);
  nowMs += 3_600_000;
  expect((await give()).ok).toBe(true);
});

/** Which commands went out, each with the epoch of the key that it is signed with. */
const signed = () =>
  published.map(({ bytes }) => {
    const at = { fleet, device: one, leaf: "n/c" } as const;
    const { payload, epoch } = unwrap(openSigned(at, bytes, new Map([1, 2].map((n) => [n, orderKey(n).publicKey]))));
    return [unwrap(decodeCommand(payload)).id, epoch];
  });

test("a device that gets another order key gets what it has not answered again, signed with that, in its order", async () => {
  const [answered, first] = [unwrap(await give()).id, unwrap(await give("gc")).id];
  await commands.publish();
  await commands.result(one, { id: answered, code: "done", text: "" });
  published = [];
  commands = open(2);
  const second = unwrap(await give("gc")).id;
  await commands.publish();
  await database.orderEpochs.has(one, 2);
  const third = unwrap(await give("gc")).id;
  await commands.publish();
  expect(signed()).toEqual([[second, 1], ...[first, second, third].map((id) => [id, 2])]);
});

test("a command that is on its way when its device gets another order key goes out once more", async () => {
  commands = open(2);
  during = async () => {
    during = async () => undefined;
    await database.orderEpochs.has(one, 2);
  };
  const { id } = unwrap(await give());
  await commands.publish();
  await commands.publish();
  await commands.publish();
  expect(signed()).toEqual([
    [id, 1],
    [id, 2],
  ]);
});

test("of old commands so many are kept", async () => {
  for (let count = 0; count < 105; count += 1) {
    const { id } = unwrap(await give());
    await commands.result(one, { id, code: "done", text: "" });
  }
  const kept = await commands.list(one);
  expect([kept.length, kept[0]?.id, kept.at(-1)?.id]).toEqual([100, NOW_MS / 1000 + 104, NOW_MS / 1000 + 5]);
});

const logsOf = () => openLogs({ database, now: () => nowMs });
const batch = (command: number | null, text: string, revision = "7") => ({
  kind: command === null ? ("evidence" as const) : ("requested" as const),
  revision: revision as RevisionName,
  deflated: deflatedText(text),
  command,
});

test("lines that were asked for are kept once, and others are not", async () => {
  const logs = logsOf();
  const { id } = unwrap(await give("logs", "5"));
  const gc = unwrap(await give("gc")).id;
  for (const wrong of [batch(gc, "x\n"), batch(id + 9, "x\n"), { ...batch(null, "{}"), kind: "requested" as const }])
    expect(await logs.hear(one, wrong)).toBe(false);
  expect(await logs.hear(two, batch(id, "x\n"))).toBe(false);
  for (const _ of [1, 2]) expect(await logs.hear(one, batch(id, "first\nsecond\n"))).toBe(true);
  expect(await logs.list(one)).toEqual([
    { device: one, kind: "requested", revision: "7", command: id, atMs: nowMs, text: "first\nsecond\n" },
  ]);
});

test("a bomb and what is no text are not kept", async () => {
  const logs = logsOf();
  for (const deflated of [
    new Uint8Array(deflateRawSync(Buffer.alloc(15 << 20), { level: 9 })),
    Uint8Array.of(1, 2, 3),
    new Uint8Array(deflateRawSync(Uint8Array.of(0xff))),
  ])
    expect(await logs.hear(one, { ...batch(null, ""), deflated })).toBe(false);
  expect(await logs.list(one)).toEqual([]);
});

test("of each kind so many batches are kept: lines push out no evidence, and evidence is that of the last failure", async () => {
  const logs = logsOf();
  for (let count = 0; count < 20; count += 1) {
    if (count === 10) for (const text of ["{}", '{"reason":"timeout"}']) await logs.hear(one, batch(null, text, "8"));
    const { id } = unwrap(await give("logs", "5"));
    await commands.result(one, { id, code: "done", text: "" });
    await logs.hear(one, batch(id, `${count}\n`));
  }
  const kept = await logs.list(one);
  const lines = kept.filter(({ kind }) => kind === "requested").map(({ text }) => text);
  expect(lines).toEqual(Array.from({ length: 16 }, (_, at) => `${19 - at}\n`));
  expect(kept).toHaveLength(17);
  expect(await logs.evidence(one, "8")).toMatchObject({ text: '{"reason":"timeout"}' });
  expect(await logs.evidence(one, "7")).toBeNull();
});
