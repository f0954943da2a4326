/** From an operator's command to a device's answer, with a real broker and over real TLS. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import * as v from "valibot";
import { deflatedText } from "../../../runtime/fleet/logs/index.ts";
import { encodeCommandResult, encodeLogs, type Logs } from "../../../runtime/fleet/wire/index.ts";
import { openSqlite } from "../../../runtime/hub/database/index.ts";
import type { RevisionName } from "../../../runtime/state/index.ts";
import { unwrap } from "../../signatures/signed-state.ts";
import { post, release } from "../authored.ts";
import { type HubWorld, hubWorld } from "../hub-world.ts";
import { type WiredDevice, wiredDevice } from "../wired-device.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

let world: HubWorld;
beforeAll(async () => {
  world = await hubWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const View = v.looseObject({ id: v.number(), state: v.string(), published: v.nullable(v.string()) });
const Batch = v.object({ kind: v.string(), command: v.nullable(v.number()), text: v.string() });
const get = async (path: string): Promise<unknown> => (await world.ask("GET", path, { token: "operator" })).body;
const give = (id: string, body: object) =>
  world.ask("POST", `/devices/${id}/commands`, { token: "operator", body: JSON.stringify(body) });
const given = async (id: string, body: object): Promise<number> => {
  const answer = await give(id, body);
  expect(answer).toMatchObject({ status: 201, body: { state: "waiting", answer: null, who: "operator" } });
  return v.parse(View, answer.body).id;
};
/** The command, when the hub has come so far with it. */
async function shown(device: string, id: number, state: string): Promise<unknown> {
  for (;;) {
    const { commands } = v.parse(
      v.object({ commands: v.array(View) }),
      await get(`/devices/${device}/commands?id=${id}`),
    );
    if (commands[0]?.state === state) return commands[0];
    await Bun.sleep(20);
  }
}
const batches = async (device: string, query = "") =>
  v.parse(v.object({ logs: v.array(Batch) }), await get(`/devices/${device}/logs${query}`)).logs;
const sends = (device: WiredDevice, { text, ...logs }: Omit<Logs, "deflated" | "revision"> & { text: string }) =>
  device.say("u/g", encodeLogs({ ...logs, revision: "1" as RevisionName, deflated: deflatedText(text) }));

test("a command reaches its device signed, and what it came to reaches who gave it", async () => {
  await using device = await wiredDevice(world);
  const id = await given(device.id, { operation: "restartContainer", argument: "web" });
  const command = await device.command((one) => one.id === id);
  expect(command).toMatchObject({ id, operation: "restartContainer", arguments: "web" });
  expect(command.expiry * 1000).toBeGreaterThan(Date.now() + 3_500_000);
  await shown(device.id, id, "sent");
  await device.say("u/r", encodeCommandResult({ id, code: "busy", text: "it is stopping" }));
  const answer = { code: "busy", text: "it is stopping", at: expect.any(String) };
  expect(await shown(device.id, id, "done")).toMatchObject({ answer });
  const { log } = (await get("/log")) as { log: object[] };
  expect(log[0]).toMatchObject({ who: "operator", what: "command", about: `${device.id} restartContainer web` });
});

test("what a hub kept before it ended is handed to the broker when it starts again, and what has expired is not", async () => {
  await using device = await wiredDevice(world);
  const first = await given(device.id, { operation: "gc" });
  await device.command(({ id }) => id === first);
  await world.hub.stop();
  // As if it had been killed before the broker had them.
  const database = unwrap(openSqlite(join(world.folder, "hub.db")));
  const order = { device: device.id, operation: "gc", argument: "", envelope: Uint8Array.of(1) } as const;
  const by = { who: "operator", atMs: Date.now() };
  const [late, due] = [first + 1, first + 2];
  await database.commands.add({ ...order, id: late, expiryMs: Date.now() - 1 }, 100, by);
  await database.commands.add({ ...order, id: due, expiryMs: Date.now() + 3_600_000 }, 100, by);
  await database.close();
  unwrap(await world.restart());
  expect(await shown(device.id, due, "sent")).toMatchObject({ published: expect.any(String) });
  expect(await shown(device.id, late, "expired")).toMatchObject({ published: null });
});

test("lines that were asked for are shown with the command that asked, and others are passed over", async () => {
  await using device = await wiredDevice(world);
  const id = await given(device.id, { operation: "logs", argument: "web 2" });
  await device.command((one) => one.id === id);
  const from = world.log.all.length;
  const bomb = new Uint8Array(deflateRawSync(Buffer.alloc(15 << 20), { level: 9 }));
  const wrong = { kind: "requested", revision: "1" as RevisionName, deflated: bomb, command: id } as const;
  await device.say("u/g", encodeLogs(wrong));
  await sends(device, { kind: "requested", command: id + 1, text: "nobody asked\n" });
  await device.say("u/r", encodeCommandResult({ id: id + 1, code: "done", text: "" }));
  await sends(device, { kind: "requested", command: id, text: "one\n\u001b[2J two\n" });
  await device.say("u/r", encodeCommandResult({ id, code: "done", text: "2 lines" }));
  await shown(device.id, id, "done");
  expect(await batches(device.id)).toEqual([{ kind: "requested", command: id, text: "one\n\u001b[2J two\n" }]);
  expect(await batches(device.id, `?command=${id + 1}`)).toEqual([]);
  const said = world.log.all.slice(from).filter((line) => line.includes(device.id));
  expect(said).toEqual([
    expect.stringMatching(/sends log lines that nobody asked for, or that are none$/),
    expect.stringMatching(/sends log lines that nobody asked for, or that are none$/),
    expect.stringMatching(/answers a command that it was not given$/),
  ]);
});

test("why a revision failed is shown with the device that it failed on", async () => {
  const revision = await post(world, { "root.squashfs": Buffer.from("something") });
  await using device = await wiredDevice(world, ["failing"]);
  await release(world, revision, "failing");
  const { sequence, rev } = await device.order(() => true);
  expect(rev).toBe(1);
  const evidence = '{"reason":"containerFailed","message":"web ended","container":"web","lines":["no such file"]}';
  await device.progress({ sequence, phase: "error", percent: 100, reason: "containerFailed" });
  await sends(device, { kind: "evidence", command: null, text: evidence });
  while ((await batches(device.id)).length === 0) await Bun.sleep(20);
  expect(await get(`/devices/${device.id}`)).toMatchObject({
    desired: { progress: { phase: "error", reason: "containerFailed" } },
    evidence: { text: evidence, at: expect.any(String) },
  });
});

test("what cannot be is refused with a sentence", async () => {
  await using device = await wiredDevice(world);
  for (const [body, status, kind] of [
    [{}, 400, "body"],
    [{ operation: "format" }, 400, "body"],
    [{ operation: "gc", more: 1 }, 400, "body"],
    [{ operation: "gc", argument: "x" }, 400, "argument"],
    [{ operation: "logs", argument: "../etc 5" }, 400, "argument"],
    [{ operation: "gc", expires: "2020-01-01T00:00:00Z" }, 400, "expiry"],
  ] as const) {
    expect(await give(device.id, body)).toMatchObject({ status, body: { kind, error: expect.any(String) } });
  }
  expect(await give("aaaaaaaaaaaaa", { operation: "gc" })).toMatchObject({ status: 404 });
  await world.ask("POST", `/devices/${device.id}/revoke`, { token: "operator" });
  expect(await give(device.id, { operation: "gc" })).toMatchObject({ status: 409, body: { kind: "status" } });
  expect(device.heard.filter(({ leaf }) => leaf === "n/c")).toEqual([]);
});
