/** What a revision costs, as the hub's API and the command line tell it before anything is released. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { post, shaOf } from "../authored.ts";
import { type HubWorld, hubWorld } from "../hub-world.ts";
import { wiredDevice } from "../wired-device.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

let world: HubWorld;
beforeAll(async () => {
  world = await hubWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const ask = async (revision: string, query = "") => {
  const answer = () => world.ask("GET", `/revisions/${revision}/cost${query}`, { token: "operator" });
  let { status, body } = await answer();
  while (JSON.stringify(body).includes('"bytes":null')) ({ status, body } = await answer());
  return { status, costs: (body as { costs?: unknown[] }).costs };
};

/** Answers when the hub has it. */
async function running(tags: readonly string[], digest: string): Promise<AsyncDisposable> {
  const device = await wiredDevice(world, tags);
  expect(await device.state({ sequence: 0, running: "0", digest })).toBe(true);
  const reported = async (): Promise<boolean> => {
    const { body } = await world.ask("GET", `/devices/${device.id}`, { token: "operator" });
    return (body as { report: unknown }).report !== null;
  };
  while (!(await reported())) await Bun.sleep(20);
  return device;
}

test("devices are counted by what they run, with the bytes that each would fetch and those that come whole", async () => {
  const [before, plugin] = [randomBytes(20_000), randomBytes(5_000)];
  const after = Buffer.concat([before.subarray(0, 9_000), Buffer.from("one line\n"), before.subarray(9_000)]);
  const old = await post(world, { "root.squashfs": before });
  const next = await post(world, { "root.squashfs": after, "plugin.bin": plugin });
  await using _a = await running(["costs"], old);
  await using _b = await running(["costs"], old);
  await using _c = await running(["costs"], shaOf("what nobody sent"));
  await using _d = await running(["costs"], next);
  await using _e = await running(["others"], old);

  const { costs } = await ask(next, "?tag=costs");
  const [patched, ...rest] = costs as Record<string, number>[];
  expect(patched).toMatchObject({ running: old, devices: 2 });
  expect(patched?.["wholeBytes"]).toBeWithin(5_000, 5_100);
  expect((patched?.["bytes"] ?? 0) - (patched?.["wholeBytes"] ?? 0)).toBeWithin(1, 600);
  const whole = rest.find(({ running }) => running === null);
  expect(whole?.["devices"]).toBe(1);
  expect(whole?.["bytes"]).toBe(whole?.["wholeBytes"] ?? 0);
  expect(whole?.["bytes"]).toBeWithin(25_000, 26_000);
  expect(rest.find(({ running }) => String(running) === next)).toEqual({
    running: next,
    devices: 1,
    bytes: 0,
    wholeBytes: 0,
  } as never);
  expect((await ask(next)).costs?.[0]).toMatchObject({ running: old, devices: 3 });
});

test("of a revision or a tag that cannot be there is nothing to tell", async () => {
  expect((await ask("beef")).status).toBe(404);
  const revision = await post(world, { "root.squashfs": randomBytes(10) });
  expect((await ask(revision, "?tag=no%20tag")).status).toBe(400);
  expect(await ask(revision, "?tag=empty")).toEqual({ status: 200, costs: [] });
});
