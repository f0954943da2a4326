import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { emptyFolder, must } from "../../store/world.ts";
import { closeAll, device, hub, running } from "./world.ts";

afterEach(closeAll);

test("a device joins, reports, and reports again when something changes", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  link.say(running("7", "TESTING"));
  expect(await link.heard("joined")).toMatchObject({ fleet: "lab" });
  expect(await at.state()).toMatchObject({
    running: "7",
    stateDigestPrefix: "abababababababab",
    status: "TESTING",
    containers: new Map([["web", { status: "READY", goalReached: true }]]),
    version: "0.1.0",
  });
  link.say(running("7", "DONE"));
  const after = await at.state();
  expect(after.status).toBe("DONE");
  // The connection and the first report are in it: what the hub shows of the cost is what was carried.
  expect(after.bytes.day).toBeGreaterThan(4_000);
  expect(after.bytes.day).toBeLessThan(20_000);
});

test("it waits for an operator, and shows the code once", async () => {
  const at = await hub({ asksNeeded: 3 });
  const link = device(at);
  link.begin();
  link.say(running("0"));
  expect(await link.heard("waiting")).toMatchObject({ code: "k7q2mz" });
  await link.heard("joined");
  expect(at.asked()).toBe(3);
  await at.state();
});

test("after a restart it is the same device, and asks nobody", async () => {
  const at = await hub();
  const first = device(at);
  first.begin();
  first.say(running("1"));
  const { id } = await first.heard("joined");
  await at.state();
  first.hangUp();
  expect(must(await first.ended)).toBeUndefined();
  // The ledger was hundreds of kilobytes ahead while it ran: an end in order costs no allowance.
  const { dayBytes } = JSON.parse(readFileSync(`${first.folder}/ledger`, "utf8"));
  expect(dayBytes).toBeGreaterThan(4_000);
  expect(dayBytes).toBeLessThan(20_000);
  const second = device(at, first.folder);
  second.begin();
  second.say(running("2"));
  expect(await second.heard("joined")).toMatchObject({ id });
  expect(await at.state()).toMatchObject({ running: "2" });
  expect(at.asked()).toBe(1);
});

test("a device that is told of another hub becomes one of that fleet, and of the first again when it is told so", async () => {
  const hubs = [await hub(), await hub()] as const;
  const folder = emptyFolder();
  for (const [turn, at] of [hubs[0], hubs[1], hubs[0]].entries()) {
    const link = device(at, folder);
    link.begin();
    link.say(running(String(turn)));
    await link.heard("joined");
    expect(await at.state()).toMatchObject({ running: String(turn) });
    link.hangUp();
    must(await link.ended);
  }
  expect(hubs.map((at) => at.asked())).toEqual([2, 1]);
});

test("a membership of which an older version did not keep the hub is of the one that it is told of first", async () => {
  const hubs = [await hub(), await hub()] as const;
  const folder = emptyFolder();
  const joins = async (at: (typeof hubs)[number], how: string): Promise<void> => {
    const link = device(at, folder);
    link.begin();
    link.say(running(how));
    await link.heard("joined");
    await at.state();
    link.hangUp();
    must(await link.ended);
  };
  await joins(hubs[0], "1");
  const path = `${folder}/membership.json`;
  const { hub: _, ...older } = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify(older));
  await joins(hubs[0], "2");
  expect(hubs[0].asked()).toBe(1);
  await joins(hubs[1], "3");
  expect(hubs[1].asked()).toBe(1);
});

test("a revision on trial hears of the hub", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  link.say({ kind: "trial", waits: true });
  link.say(running("1", "TESTING"));
  await link.heard("contact");
});

test("a broker that is gone for a while gets the latest state", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  link.say(running("1"));
  await at.state();
  await at.broker.stop();
  await link.heard("log");
  link.say(running("2"));
  link.say(running("3"));
  await at.broker.start();
  while (!/New client connected .* as [a-z2-7]{13} /.test(at.broker.log().slice(-2_000))) await Bun.sleep(20);
  // Its own observer is gone with the broker; the retained state is what counts.
  while (!/Received PUBLISH from [a-z2-7]{13} .*u\/s/.test(at.broker.log().slice(-2_000))) await Bun.sleep(20);
});

describe("what the runtime says wrongly ends it with a sentence", () => {
  test.each([
    ["no settings first", running("1"), /did not begin with settings/],
    ["no JSON", "x", /./],
    ["a relative folder", { kind: "settings", folder: "x" }, /./],
  ])("%s", async (_, message, why) => {
    const at = await hub();
    const link = device(at);
    link.say(message);
    const ended = await link.ended;
    expect(ended.ok ? "" : ended.error).toMatch(why);
  });

  test("something unknown later", async () => {
    const link = device(await hub());
    link.begin();
    link.say({ kind: "new" });
    const ended = await link.ended;
    expect(ended.ok ? "" : ended.error).toMatch(/does not know/);
  });
});

test("what it keeps is readable by nobody else, and its key is only there", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  await link.heard("joined");
  expect(existsSync(`${link.folder}/membership.json`)).toBe(true);
  expect(readFileSync(`${link.folder}/membership.json`, "utf8")).not.toContain("PRIVATE KEY");
});
