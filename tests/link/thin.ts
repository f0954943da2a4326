/**
 * An update over a link that is hardly one: 9.6 kbit/s, 1.5 s there and back, every tenth packet lost, up for a minute and away for
 * four, and the device's power cut at random moments. The real hub, Mosquitto and link; bytes are those of the device's interface.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { objectInfo, openStore, realDisk } from "../../runtime/store/index.ts";
import { post, release, shaOf, stateOf } from "../hub/authored.ts";
import { newRng } from "../sim/rng.ts";
import { startApart } from "./apart.ts";
import { hubFor, hubOnNetwork, newStorage } from "./hub.ts";
import { type Carried, openNetwork } from "./network.ts";
import { type PlayedDevice, playDevice, runningOf } from "./played-device.ts";
import { bytesOf, less } from "./tally.ts";

const number = (name: string, otherwise: number): number => Number(process.env[name] || otherwise);

/** A device is back after so long. */
const BOOT_MS = 20_000;

async function main(): Promise<void> {
  const seed = number("SEED", Date.now() % 1_000_000);
  const payloadBytes = number("BYTES", 1_000_000);
  const shape = { bitsPerS: number("BITS", 9_600), delayMs: number("DELAY", 750), lossPercent: number("LOSS", 10) };
  const [upS, downS, cutEveryS] = [number("UP", 60), number("DOWN", 240), number("CUT", 900)];
  const rng = newRng(seed);
  const begun = performance.now();
  const seconds = (): string => ((performance.now() - begun) / 1000).toFixed(0).padStart(6);
  const log = (line: string): void => console.log(`${seconds()} s  ${line}`);
  log(
    `seed ${seed}, ${payloadBytes} bytes, ${JSON.stringify(shape)}, up ${upS} s, down ${downS} s, power cut every ${cutEveryS} s or so`,
  );

  const luck = rng.fork("network");
  using network = openNetwork(() => luck.unit());
  await using world = await hubOnNetwork();
  const storage = newStorage();
  const store = openStore(realDisk, storage);

  const start = (): PlayedDevice =>
    playDevice({
      onDevice: network.onDevice,
      program: [join(import.meta.dir, `../../dist/cairn-${process.arch === "x64" ? "x86_64" : "aarch64"}`)],
      ...hubFor(world),
      storage,
      log,
    });

  const empty = shaOf("{}");
  let device = start();
  device.say(runningOf("0", empty));
  await device.heard("joined");
  const files = { "root.squashfs": rng.bytes(payloadBytes) };
  const revision = await post(world, files);
  const digest = shaOf(files["root.squashfs"]);
  await Bun.sleep(3_000); // its first report is not part of the update
  network.shape(shape);
  const before = network.carried();
  const since = performance.now();
  await release(world, revision, "all");

  const carried = (): Carried => {
    const { toDevice, fromDevice } = network.carried();
    return { toDevice: less(toDevice, before.toDevice), fromDevice: less(fromDevice, before.fromDevice) };
  };
  let over = false;
  const flow = async (): Promise<void> => {
    while (!over) {
      await Bun.sleep(upS * 1000);
      network.cut();
      log("away");
      await Bun.sleep(downS * 1000);
      network.shape(shape);
      log(`up again; ${JSON.stringify(carried())}`);
    }
  };
  const cuts = { count: 0 };
  const power = async (): Promise<void> => {
    while (!over) {
      await Bun.sleep(1000 * cutEveryS * (0.5 + rng.unit()));
      if (over) return;
      network.power(false);
      await device.kill();
      cuts.count += 1;
      log("power cut");
      await Bun.sleep(BOOT_MS);
      network.power(true);
      device = start();
      device.say(runningOf("0", empty));
      void run(device);
    }
  };
  const done = Promise.withResolvers<void>();
  const run = async (one: PlayedDevice): Promise<void> => {
    const { rev, state } = await one.heard("desired");
    log(`wanted: revision ${rev}, state ${state.slice(0, 8)}`);
    const objects = [...new Set(stateOf(files).match(/[0-9a-f]{64}/g) ?? [])].map((object) => ({
      digest: object as typeof digest,
      candidates: [],
    }));
    one.say({ kind: "fetch", rev, objects });
    const { failure } = await one.heard("fetched");
    if (failure !== null) return done.reject(new Error(`${failure.reason}: ${failure.message}`));
    done.resolve();
  };
  if (upS > 0 && downS > 0) void flow();
  if (cutEveryS > 0) void power();
  void run(device);
  await done.promise;
  over = true;
  const all = carried();
  const there = await objectInfo(store, digest);
  if (!there.ok || there.value?.sizeBytes !== payloadBytes) throw new Error("the object is not there");
  const [came, went] = [bytesOf(all.toDevice), bytesOf(all.fromDevice)];
  log(JSON.stringify(all));
  log(
    `done in ${((performance.now() - since) / 60_000).toFixed(1)} min, ${cuts.count} power cuts: ${came} bytes to the device, ${went} from it, ` +
      `${((came + went) / payloadBytes).toFixed(3)} of the payload`,
  );
  await device.hangUp();
  rmSync(storage, { recursive: true });
  process.exit(0);
}

if (!(await startApart())) await main();
