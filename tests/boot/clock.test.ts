import { describe, expect, test } from "bun:test";
import { type DeviceClock, openClock } from "../../runtime/boot/clock.ts";
import { err, ok } from "../../runtime/result.ts";
import { type Disk, readFile, saveFile } from "../../runtime/store/index.ts";
import { mustHold, type Story, seeds } from "../sim/campaign.ts";
import { simulatedDisk } from "../sim/disk.ts";
import { CUT, calm, Power } from "../sim/power.ts";
import { newRng } from "../sim/rng.ts";
import { must } from "../store/world.ts";

const PATH = "/storage/clock";
const built = Date.UTC(2026, 0, 1);
const said = Date.UTC(2026, 6, 1);

/** A machine whose battery died: its clock begins in 1970. */
async function machine(disk: Disk, { wallMs = 0, builtMs = built, may = true } = {}) {
  const log: string[] = [];
  const world = { wallMs };
  const clock: DeviceClock = await openClock({
    disk,
    path: PATH,
    builtMs,
    log: { info: (line) => void log.push(line), warn: (line) => void log.push(line) },
    wallMs: () => world.wallMs,
    set(ms) {
      if (!may) return err("EPERM");
      world.wallMs = ms;
      return ok(undefined);
    },
  });
  return { clock, log, world };
}

const newDisk = (): Disk => {
  const rng = newRng(1);
  return simulatedDisk(rng.fork("disk"), new Power(rng.fork("power"), calm), { at: "/storage" }).mount();
};

describe("a clock at 1970", () => {
  test("goes on where the base system was made, and nobody knows how late it is", async () => {
    const { clock, world, log } = await machine(newDisk());
    expect([world.wallMs, clock.now]).toEqual([built, { floorMs: built, guessed: true }]);
    expect(log).toEqual([expect.stringMatching(/^the clock was \d+ s behind what is known of the time, and goes on/)]);
  });

  test("goes where the hub says that it is, and knows the time then", async () => {
    const { clock, world } = await machine(newDisk());
    await clock.hubSays(said);
    expect([world.wallMs, clock.now]).toEqual([said, { floorMs: said, guessed: false }]);
  });

  test("goes on after the next boot where the hub last said that it was", async () => {
    const disk = newDisk();
    await (await machine(disk)).clock.hubSays(said);
    const { world, clock } = await machine(disk);
    expect([world.wallMs, clock.now]).toEqual([said, { floorMs: said, guessed: true }]);
  });

  test("is not behind the beginning of the hub's authority, which is no reason to keep anything", async () => {
    const disk = newDisk();
    const { clock, world } = await machine(disk, { builtMs: 0 });
    expect(clock.now).toEqual({ floorMs: 0, guessed: false });
    clock.atLeast(built);
    expect([world.wallMs, clock.now]).toEqual([built, { floorMs: built, guessed: true }]);
    expect((await readFile(disk, "test", PATH, 100)).ok).toBe(false);
  });
});

describe("a clock that is right", () => {
  test("stays as it is, to the minute, whatever the hub says, and only the floor rises", async () => {
    const { clock, world, log } = await machine(newDisk(), { wallMs: said });
    for (const ms of [said - 5_000, said + 60_000]) {
      await clock.hubSays(ms);
      expect([world.wallMs, clock.now]).toEqual([said, { floorMs: ms, guessed: false }]);
    }
    expect(log).toEqual([]);
  });

  test("that is more than a minute behind goes forward", async () => {
    const { clock, world } = await machine(newDisk(), { wallMs: said });
    await clock.hubSays(said + 60_001);
    expect(world.wallMs).toBe(said + 60_001);
  });
});

test("what is older than the floor changes nothing", async () => {
  const { clock, world } = await machine(newDisk());
  await clock.hubSays(said);
  world.wallMs = said + 1_000;
  for (const ms of [said, said - 1, built, 0]) {
    await clock.hubSays(ms);
    clock.atLeast(ms);
    expect([world.wallMs, clock.now.floorMs]).toEqual([said + 1_000, said]);
  }
});

test("a machine that lets nobody set its clock says so and goes on", async () => {
  const { clock, log } = await machine(newDisk(), { may: false });
  await clock.hubSays(said);
  expect(log).toEqual([
    expect.stringMatching(/cannot be set: EPERM/),
    expect.stringMatching(/hub's and cannot be set/),
  ]);
});

test.each(["", "x", "-1\n", `${said}`, "9".repeat(40)])("a floor that is damaged is none: %s", async (text) => {
  const disk = newDisk();
  must(await saveFile(disk, "test", PATH, Buffer.from(text)));
  expect((await machine(disk)).clock.now.floorMs).toBe(built);
});

const story: Story = async ({ rng, power }) => {
  const disk = simulatedDisk(rng.fork("disk"), power, { at: "/storage" });
  let keptMs = 0;
  while (power.boot < 5) {
    const ended = await power.run(async () => {
      const { clock, log } = await machine(disk.mount(), { builtMs: 0 });
      expect(clock.now.floorMs).toBeGreaterThanOrEqual(keptMs);
      for (let times = 0; times < 4; times += 1) {
        const warned = log.length;
        await clock.hubSays(clock.now.floorMs + 1 + rng.below(100));
        if (!log.slice(warned).some((line) => line.includes("not kept"))) keptMs = Math.max(keptMs, clock.now.floorMs);
      }
    });
    if (ended !== CUT) power.cut();
  }
};

test("the floor never falls, wherever the power goes", async () => {
  await mustHold("clock", story, { cut: 0.05, noSpace: 0.02, io: 0 }, seeds(200));
}, 60_000);
