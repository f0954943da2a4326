/** A device on which nothing happens, for a day: prints as JSON what that costs. `always` keeps its connection, `wake` has one a day. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { shaOf } from "../hub/authored.ts";
import { hubFor, hubOnNetwork, newStorage } from "./hub.ts";
import { openNetwork } from "./network.ts";
import { playDevice, runningOf } from "./played-device.ts";
import { bytesOf } from "./tally.ts";

const DAY_MS = 24 * 3600_000;
const wakes = process.argv[2] === "wake";
using network = openNetwork(() => 0);
await using world = await hubOnNetwork();
const storage = newStorage();
const device = playDevice({
  onDevice: network.onDevice,
  program: [process.execPath, join(import.meta.dir, "stepped-link.main.ts")],
  ...hubFor(world),
  storage,
  mode: wakes ? { kind: "wake", everyMs: DAY_MS } : { kind: "always" },
  log: (line) => console.error(`${carried()} ${line}`),
});

const carried = (): number => bytesOf(network.carried().toDevice) + bytesOf(network.carried().fromDevice);

/** Until nothing moves any more. A handshake, unlike a ping, thinks in between. */
async function quiet(since: number): Promise<void> {
  for (let [before, now] = [since, carried()]; before !== now; [before, now] = [now, carried()])
    await Bun.sleep(now - since > 1_000 ? 1_500 : 200);
}

let passedMs = 0;

/** The device's time goes on; the machine has as much of its own as it takes for what that leads to. */
async function goOn(ms: number): Promise<void> {
  for (const untilMs = passedMs + ms; passedMs < untilMs; ) {
    const before = carried();
    passedMs = await device.step();
    await Bun.sleep(50);
    await quiet(before);
  }
}

const Devices = v.object({
  devices: v.tuple([
    v.object({ report: v.nullable(v.object({ state: v.object({ bytes: v.object({ month: v.number() }) }) })) }),
  ]),
});

/** What the device says that its month has cost so far; null: it has said nothing yet. */
async function reported(): Promise<number | null> {
  const { body } = await world.ask("GET", "/devices", { token: "operator" });
  return v.parse(Devices, body).devices[0].report?.state.bytes.month ?? null;
}

device.say(runningOf("7", shaOf("{}")));
await device.heard("joined");
await quiet(0);
while ((await reported()) === null) await goOn(1);
await goOn(60_000);
const begun = carried();
// A device that sleeps wakes a twentieth of a day sooner or later.
await goOn(wakes ? 1.1 * DAY_MS : DAY_MS);
console.log(JSON.stringify({ begun, day: carried() - begun, reported: await reported() }));
await device.kill();
rmSync(storage, { recursive: true });
