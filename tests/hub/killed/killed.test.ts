import { expect, setDefaultTimeout, test } from "bun:test";
import { killed } from "./campaign.ts";
import { HubProcess } from "./hub-process.ts";
import { Reporter } from "./reporter.ts";

setDefaultTimeout(300_000); // a hub starts in a second or two, on a busy machine in many

const KILLS = 5;

test("what a hub has acknowledged is there however often it is killed, and devices get what was decided", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const { problems, counts } = await killed(seed, KILLS);
  expect(problems, `repeat: SEED=${seed} COUNT=${KILLS} make proof-hub`).toEqual([]);
  for (const [what, count] of Object.entries(counts)) expect(count, `${what}, SEED=${seed}`).toBeGreaterThan(0);
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
