/**
 * A day of a device on which nothing happens, in a day: HOURS=n takes less (24 when it says nothing), MODE=wake has one connection a day. The
 * real hub, Mosquitto and program; bytes are those of the device's interface. `idle-day.test.ts` has the same with a clock that goes faster.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { shaOf } from "../hub/authored.ts";
import { startApart } from "./apart.ts";
import { hubFor, hubOnNetwork, newStorage } from "./hub.ts";
import { openNetwork } from "./network.ts";
import { playDevice, runningOf } from "./played-device.ts";
import { bytesOf } from "./tally.ts";

const [HOUR_MS, DAY_HOURS] = [3600_000, 24];
/** Bytes of a whole day; of fewer hours, their share and what one ping or a report more may cost. */
const BUDGET = { always: 12_000, wake: 5_000 } as const;
const SLACK_BYTES = 500;
/** The first connection and report are those of a new device. */
const BEGUN_MS = 60_000;

async function main(): Promise<void> {
  const hours = Number(process.env["HOURS"] || DAY_HOURS);
  const mode = process.env["MODE"] === "wake" ? "wake" : "always";
  if (!(hours > 0)) throw new Error("HOURS is a number above 0");
  const begun = performance.now();
  const log = (line: string): void => console.log(`${((performance.now() - begun) / 60_000).toFixed(1)} min  ${line}`);
  using network = openNetwork(() => 0);
  await using world = await hubOnNetwork();
  const storage = newStorage();
  const device = playDevice({
    onDevice: network.onDevice,
    program: [join(import.meta.dir, `../../dist/cairn-${process.arch === "x64" ? "x86_64" : "aarch64"}`)],
    ...hubFor(world),
    storage,
    mode: mode === "wake" ? { kind: "wake", everyMs: DAY_HOURS * HOUR_MS } : { kind: "always" },
    log,
  });
  const carried = (): number => bytesOf(network.carried().toDevice) + bytesOf(network.carried().fromDevice);
  device.say(runningOf("7", shaOf("{}")));
  await device.heard("joined");
  await Bun.sleep(BEGUN_MS);
  const before = carried();
  log(`joined for ${before} bytes`);
  for (let hour = 0; hour < hours; hour += 1) {
    await Bun.sleep(Math.min(1, hours - hour) * HOUR_MS);
    log(`${carried() - before} bytes`);
  }
  const [bytes, allowed] = [carried() - before, Math.round((BUDGET[mode] * hours) / DAY_HOURS) + SLACK_BYTES];
  log(`${bytes} bytes in ${hours} hours, ${Math.round((bytes * DAY_HOURS) / hours)} a day; at most ${allowed}`);
  await device.kill();
  rmSync(storage, { recursive: true });
  if (bytes > allowed) process.exitCode = 1;
}

if (!(await startApart())) await main();
