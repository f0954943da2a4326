/**
 * `make proof-reset`: QEMU is killed at a random moment of an update, again and again, on one disk; each time the device has to come
 * back through its real boot loader, reach its goals on a revision whose every object is good, and know how the update ended.
 *
 * Environment: SEED (draws updates and moments), COUNT (rounds), ARCH. The disk of a round that failed stays in build/failures.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { repository } from "../qemu/host.ts";
import { allGoalsReached, type Device, makeDeviceDisk, whenContainers, withDevice } from "../qemu/index.ts";
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

interface Round {
  readonly update: StoryName;
  readonly rev: string;
  readonly afterMs: number;
}

function roundOf(number: number): Round {
  const draw = newRng(seed).fork(`round ${number}`);
  const update = draw.pick(storyNames);
  return { update, rev: `locals/r${number}-${update}`, afterMs: draw.below(lastsMs[update]) };
}

async function startUpdate(device: Device, { update, rev }: Round): Promise<void> {
  const how = isTry(update) ? "--try" : "--run";
  // The machine may be gone before this answers.
  device.run(`cairn ctl install /mnt/${update} --name ${rev} ${how} --no-wait`, minutes(10)).catch(() => {});
}

const Findings = v.object({
  findings: v.array(v.object({ area: v.string(), level: v.string(), sentence: v.string() })),
});

/** What must be so after every reset; throws what is not. Gives how the update came out; null: it never began. */
async function verify(device: Device, rev: string): Promise<string | null> {
  await device.console(/every object of the revision is good/, minutes(8));
  device.reconnected();
  await untilGoals(device);
  const known = await statusOf(device, rev);
  // What was stored and not yet started stays so; everything else comes to an end.
  const status = known === null || known === "NEW" ? known : await verdict(device, rev, minutes(10));
  if (status !== null && status !== "NEW" && !final.has(status)) throw new Error(`revision ${rev} stays ${status}`);
  await whenContainers(device, "every goal", allGoalsReached, minutes(5));
  const { stdout } = await device.run("cairn ctl doctor --json", minutes(2));
  const bad = v
    .parse(Findings, JSON.parse(stdout))
    .findings.filter(({ area, level }) => level === "bad" && isVital(area));
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
  const options = bootOptions(story, "power-reset");
  const fresh = () => makeDeviceDisk(options, image, join(folder, "reset"));
  await fresh();
  say(`resets on ${arch}: seed ${seed}, ${count} rounds`);
  let failures = 0;
  let next = 0;
  /** What the boot that begins now has to account for. */
  let before: Round | null = null;
  while (next < count || before !== null) {
    const startMs = performance.now();
    try {
      await withDevice({ ...options, image }, async (device) => {
        if (before === null) await untilGoals(device);
        else {
          const { update, afterMs, rev } = before;
          const status = await verify(device, rev);
          const took = seconds(performance.now() - startMs);
          say(
            `round ${next}: ${update} killed after ${seconds(afterMs)}: back after ${took}, ${status ?? "never began"}`,
          );
          before = null;
        }
        if (next >= count) return measureReturn(device);
        const round = roundOf(next);
        next += 1;
        before = round;
        await startUpdate(device, round);
        await Bun.sleep(round.afterMs); // a random moment is what this is about
        await device.cutPower();
      });
    } catch (cause) {
      failures += 1;
      say(`round ${next}: FAILED: ${cause instanceof Error ? cause.message : String(cause)}`);
      before = null;
      await fresh();
    }
  }
  await rm(image, { force: true });
  return failures;
}

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
    device.reconnected();
    if (isTry(update)) await untilGoals(device);
    const status = await verdict(device, rev, minutes(5));
    if (status !== "ERROR") throw new Error(`revision ${rev} came to ${status}`);
  }
}

try {
  const failures = await campaign();
  say(`${count} resets, ${failures} failures; repeat: SEED=${seed} COUNT=${count} ARCH=${arch} make proof-reset`);
  process.exit(failures === 0 ? 0 : 1);
} catch (cause) {
  say(`FAILED: ${cause instanceof Error ? cause.message : String(cause)}`);
  process.exit(1);
}
