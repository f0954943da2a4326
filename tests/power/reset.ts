/**
 * `make proof-reset`: QEMU is killed at a random moment of an update, again and again, on one disk. Every second kill strikes again,
 * at a random moment of the boot that comes back from the one before. After the last one the device has to come back through its real
 * boot loader, reach its goals on a revision whose every object is good, and know how the update ended.
 *
 * Environment: SEED (draws updates and moments), COUNT (kills), ARCH. What a round that failed leaves is in build/failures, what
 * the console said of all of them in build/power.
 */
import { appendFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { repository } from "../qemu/host.ts";
import { type Device, makeDeviceDisk, withDevice } from "../qemu/index.ts";
import { newRng } from "../sim/rng.ts";
import { ordersOf } from "./orders.ts";
import { final, statusOf, untilGoals, verdict } from "./record.ts";
import { bootOptions, makeStory, type StoryName, storyNames } from "./story.ts";

const say = (text: string): void => console.log(text);
const minutes = (count: number): number => count * 60_000;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const { seed, count, arch } = ordersOf(process.env, 200);

/** How long an update may take until its end, in milliseconds, so that a moment in it can be drawn. */
const slowness = arch === "x86_64" ? 1 : 2;
const lastsMs: Readonly<Record<StoryName, number>> = {
  swap: 12_000 * slowness,
  "bad-swap": 28_000 * slowness,
  base: 45_000 * slowness,
  broken: 75_000 * slowness,
  runtime: 45_000 * slowness,
};
const isTry = (name: StoryName): boolean => name !== "swap" && name !== "bad-swap";

/** How long a boot lasts until its goals, likewise. */
const bootLastsMs = 25_000;

interface Round {
  readonly update: StoryName;
  readonly rev: string;
  /** The kill in the update itself. */
  readonly afterMs: number;
  /** Those that strike the boots after it, one after the other. */
  readonly againAfterMs: readonly number[];
}

function roundOf(number: number, killsLeft: number): Round {
  const draw = newRng(seed).fork(`round ${number}`);
  const update = draw.pick(storyNames);
  const afterMs = draw.below(lastsMs[update]);
  const againAfterMs: number[] = [];
  while (againAfterMs.length + 1 < killsLeft && draw.chance(0.5)) againAfterMs.push(draw.below(bootLastsMs));
  return { update, rev: `locals/r${number}-${update}`, afterMs, againAfterMs };
}

async function startUpdate(device: Device, { update, rev }: Round): Promise<void> {
  const how = isTry(update) ? "--try" : "--run";
  // The machine may be gone before this answers.
  device.run(`cairn ctl install /mnt/${update} --name ${rev} ${how} --no-wait`, minutes(10)).catch(() => {});
}

const Findings = v.object({
  findings: v.array(v.object({ area: v.string(), level: v.string(), sentence: v.string() })),
});

/** An update that was cut off here had not begun. */
const early: ReadonlySet<string | null> = new Set([null, "NEW"]);

/** What must be so after every reset; throws what is not. Gives how the update came out; null: it never began. */
async function verify(device: Device, rev: string): Promise<string | null> {
  await device.console([/goals reached/, /every object of the revision is good/], minutes(12));
  const untilMs = performance.now() + minutes(6);
  let status = await statusOf(device, rev);
  while (!early.has(status) && !final.has(status ?? "")) {
    if (performance.now() > untilMs) throw new Error(`revision ${rev} stays ${status}`);
    await Bun.sleep(1_000);
    status = await statusOf(device, rev);
  }
  await untilGoals(device);
  const { stdout } = await device.ask("cairn ctl doctor --json", minutes(4), minutes(1));
  const { findings } = v.parse(Findings, JSON.parse(stdout));
  const bad = findings.filter(({ area, level }) => level === "bad" && isVital(area));
  if (bad.length > 0) throw new Error(bad.map(({ area, sentence }) => `${area}: ${sentence}`).join("; "));
  return status;
}

/** A revision that failed is bad by nature, and the doctor says so. */
const isVital = (area: string): boolean => !area.startsWith("revision");

async function campaign(): Promise<number> {
  const story = await makeStory(arch);
  const folder = join(repository, "build/power", arch);
  const image = join(folder, "reset.img");
  await mkdir(folder, { recursive: true });
  await rm(image, { force: true });
  const consoleLog = join(folder, "reset-console.log");
  await writeFile(consoleLog, "");
  const options = {
    ...bootOptions(story, "power-reset"),
    echo: (line: string) => appendFileSync(consoleLog, `${line}\n`),
  };
  const onDevice = <T>(body: (device: Device) => Promise<T>) => withDevice({ ...options, image }, body);
  const fresh = () => makeDeviceDisk(options, image, join(folder, "reset"));
  await fresh();
  say(`resets on ${arch}: seed ${seed}, ${count} kills`);
  let [failures, kills, rounds] = [0, 0, 0];
  const kill = async (device: Device, afterMs: number): Promise<void> => {
    await Bun.sleep(afterMs); // a random moment is what this is about
    await device.cutPower();
    kills += 1;
  };
  /** Looks at what became of a round, and begins the next one; null: there is none. */
  const turn = async (device: Device, before: Round | null, startMs: number): Promise<Round | null> => {
    if (before === null) {
      await device.console(/every object of the revision is good/, minutes(8));
      await untilGoals(device);
    } else {
      const status = (await verify(device, before.rev)) ?? "never began";
      const took = seconds(performance.now() - startMs);
      say(`${kills} kills; round ${rounds}: ${explain(before)}: back after ${took}, ${status}`);
    }
    if (kills >= count) {
      await measureReturn(device);
      return null;
    }
    rounds += 1;
    const round = roundOf(rounds, count - kills);
    await startUpdate(device, round);
    await kill(device, round.afterMs);
    return round;
  };
  /** What the boot that begins now has to account for. */
  let before: Round | null = null;
  do {
    try {
      for (const afterMs of before?.againAfterMs ?? []) await onDevice((device) => kill(device, afterMs));
      const startMs = performance.now();
      before = await onDevice((device) => turn(device, before, startMs));
    } catch (cause) {
      failures += 1;
      say(`round ${rounds}: FAILED: ${cause instanceof Error ? cause.message : String(cause)}`);
      before = null;
      await fresh();
    }
  } while (before !== null || kills < count);
  await rm(image, { force: true });
  return failures;
}

const explain = ({ update, afterMs, againAfterMs }: Round): string =>
  `${update} killed after ${[afterMs, ...againAfterMs].map(seconds).join(", then its boot after ")}`;

/** How long a revision that fails keeps a device from serving: one that needed a reboot, and one that did not. */
async function measureReturn(device: Device): Promise<void> {
  for (const update of ["bad-swap", "broken"] as const) {
    const rev = `locals/last-${update}`;
    await device.must(
      `cairn ctl install /mnt/${update} --name ${rev} ${isTry(update) ? "--try" : "--run"} --no-wait`,
      minutes(8),
    );
    await device.console(/goals missed/, minutes(8));
    const missedMs = performance.now();
    await device.console(/goals reached/, minutes(8));
    say(`${update}: every goal is reached again ${seconds(performance.now() - missedMs)} after the verdict`);
    await untilGoals(device);
    const status = await verdict(device, rev, minutes(5));
    if (status !== "ERROR") throw new Error(`revision ${rev} came to ${status}`);
  }
}

try {
  const failures = await campaign();
  say(`${count} kills, ${failures} failures; repeat: SEED=${seed} COUNT=${count} ARCH=${arch} make proof-reset`);
  process.exit(failures === 0 ? 0 : 1);
} catch (cause) {
  say(`FAILED: ${cause instanceof Error ? cause.message : String(cause)}`);
  process.exit(1);
}
