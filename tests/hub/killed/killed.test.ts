import { expect, setDefaultTimeout, test } from "bun:test";
import * as v from "valibot";
import { shaOf, stateOf } from "../authored.ts";
import { newDevice } from "../fixtures.ts";
import { killed } from "./campaign.ts";
import { HubProcess } from "./hub-process.ts";
import { Reporter } from "./reporter.ts";

setDefaultTimeout(300_000); // a hub starts in a second or two, on a busy machine in many

const KILLS = 5;
const Ordered = v.object({ desired: v.nullable(v.object({ published: v.nullable(v.string()) })) });

test("what a hub has acknowledged is there however often it is killed, and devices get what was decided", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const { problems, counts } = await killed(seed, KILLS);
  expect(problems, `repeat: SEED=${seed} COUNT=${KILLS} make proof-hub`).toEqual([]);
  for (const [what, count] of Object.entries(counts)) expect(count, `${what}, SEED=${seed}`).toBeGreaterThan(0);
});

test("an order that the broker took last before it was killed, and the hub right after it, reaches its device", async () => {
  await using hub = await HubProcess.make();
  expect(await hub.start()).toBe(true);
  const key = newDevice();
  const device = await Reporter.enrol(hub, key);
  if (device === null) throw new Error("an answer");
  await device.stop(); // it is away, and its session waits for it
  const text = stateOf({ "root.squashfs": Buffer.from("new") });
  for (const bytes of [Buffer.from("new"), Buffer.from("lxc.uts.name = web\n")])
    await hub.ask("PUT", `/objects/${shaOf(bytes)}`, "operator", bytes);
  await hub.ask("POST", "/revisions?message=x", "operator", text);
  await hub.ask("POST", "/releases", "operator", JSON.stringify({ revision: shaOf(text), tag: "all" }));
  const isPublished = async () =>
    v.parse(Ordered, (await hub.ask("GET", `/devices/${device.id}`, "operator"))?.body).desired?.published != null;
  while (!(await isPublished())) await Bun.sleep(20);
  const broker = hub.brokerPid;
  hub.signal("SIGSTOP"); // so that it does not know
  if (broker !== null) process.kill(broker, "SIGKILL");
  hub.signal("SIGKILL");
  await hub.ended();
  expect(await hub.start()).toBe(true);
  const again = await Reporter.enrol(hub, key);
  if (again === null) throw new Error("an answer");
  again.silent = true;
  while (again.order === null) await Bun.sleep(20);
  expect<string>(again.order.stateDigest).toBe(shaOf(text));
  await again.stop();
});

test("what the broker acknowledges while the hub is slow waits for it, however much a fleet has to say", async () => {
  await using hub = await HubProcess.make();
  expect(await hub.start()).toBe(true);
  const device = await Reporter.enrol(hub);
  if (device === null) throw new Error("an answer");
  hub.signal("SIGSTOP");
  const said = await device.crowd(2_000);
  hub.signal("SIGCONT");
  await device.stop();
  const heard = () => hub.log.all.filter((line) => line.includes("tells of an order that it was not given")).length;
  await hub.log.until(/order that it was not given/);
  const untilMs = performance.now() + 60_000;
  while (heard() < said && performance.now() < untilMs) await Bun.sleep(20);
  expect([said, heard()]).toEqual([2_000, 2_000]);
});
