/** Runs the story on an emulated device and keeps what its disk was at the beginning and every write since. */
import { appendFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { parseState } from "../../runtime/state/index.ts";
import { bootFiles } from "../../runtime/store/boot-files.ts";
import { repository, run } from "../qemu/host.ts";
import {
  type Arch,
  allGoalsReached,
  type Device,
  makeDeviceDisk,
  powerOff,
  type Revision,
  whenContainers,
  withDevice,
} from "../qemu/index.ts";
import type { BootFiles } from "./check.ts";
import { bootOptions, revisionOf, type Story, type StoryName, storyNames } from "./story.ts";

export interface Recording {
  /** The disk before the first write. */
  readonly disk: string;
  /** QEMU's log of writes. */
  readonly log: string;
  /** What must stand in each revision's `.pv/`, as JSON: revision, name, file on this machine. */
  readonly bootFiles: string;
}

/** Where the last recording of an architecture is. */
export function recordingOf(arch: Arch): Recording {
  const folder = join(repository, "build/power", arch);
  return {
    disk: join(folder, "disk.img"),
    log: join(folder, "writes.log"),
    bootFiles: join(folder, "boot-files.json"),
  };
}

const BootFilesOfAll = v.record(v.string(), v.record(v.string(), v.string()));

export async function bootFilesOf({ bootFiles }: Recording): Promise<ReadonlyMap<string, BootFiles>> {
  return new Map(Object.entries(v.parse(BootFilesOfAll, await Bun.file(bootFiles).json())));
}

const minutes = (count: number): number => count * 60_000;

export async function record(story: Story, say: (text: string) => void): Promise<Recording> {
  const folder = join(repository, "build/power", story.arch);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const recording = recordingOf(story.arch);
  const used = join(folder, "used.img");
  const options = bootOptions(story, "power-record");
  await makeDeviceDisk(options, recording.disk, join(folder, "storage"));
  await run(["cp", "--sparse=always", recording.disk, used]);
  const heard = {
    image: used,
    writeLog: recording.log,
    echo: (line: string) => void appendFileSync(join(folder, "console.log"), `${line}\n`),
  };
  await withDevice({ ...options, ...heard }, async (device) => {
    for (const [what, step] of steps) {
      const startMs = performance.now();
      await step(device);
      say(`${what}: ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
    }
  });
  await rm(used);
  const all = [
    ["0", story.factory] as const,
    ...storyNames.map((name) => [revisionOf(name), story.revisions[name]] as const),
  ];
  await writeFile(
    recording.bootFiles,
    JSON.stringify(Object.fromEntries(all.map(([rev, made]) => [rev, filesOf(made)]))),
  );
  return recording;
}

const steps: readonly (readonly [string, (device: Device) => Promise<void>])[] = [
  ["first boot", (device) => untilGoals(device)],
  ["a container is changed without a reboot", (device) => install(device, "swap", "--run", "DONE")],
  ["a change without a reboot is taken back", (device) => install(device, "bad-swap", "--run", "ERROR")],
  ["a new base system is booted and committed", (device) => install(device, "base", "--try", "DONE")],
  ["a broken revision is booted and rolled back", (device) => install(device, "broken", "--try", "ERROR")],
  ["garbage is collected", async (device) => void (await device.must("cairn ctl storage gc", minutes(2)))],
  ["the runtime updates itself", updateRuntime],
  ["garbage is collected again", async (device) => void (await device.must("cairn ctl storage gc", minutes(2)))],
  ["power-off", async (device) => void (await powerOff(device))],
];

async function updateRuntime(device: Device): Promise<void> {
  const before = await device.must("cairn ctl buildinfo");
  await install(device, "runtime", "--try", "DONE");
  if ((await device.must("cairn ctl buildinfo")) === before) throw new Error("the runtime is the one that it was");
}

/** The device answers, what it can install is at /mnt, and every container is where it should be. */
export async function untilGoals(device: Device): Promise<void> {
  const mounted = await device.ask("[ -d /mnt/swap ] || mount -t squashfs -o ro /dev/vdb /mnt", minutes(4));
  if (mounted.code !== 0) throw new Error(`the exports cannot be mounted: ${mounted.stderr}`);
  await whenContainers(device, "every goal", allGoalsReached, minutes(3));
}

/** Brings a revision to the device, runs it, and waits for its verdict and for a device that answers again. */
async function install(device: Device, name: StoryName, how: "--run" | "--try", wanted: string): Promise<void> {
  const rev = revisionOf(name);
  await device.must(`cairn ctl install /mnt/${name} --name ${rev} ${how} --no-wait`, minutes(5));
  if (how === "--try") {
    await device.console([new RegExp(`cairn: trying revision ${rev}`), /goals (reached|missed)/], minutes(6));
    if (wanted === "ERROR")
      await device.console([new RegExp(`cairn: ${rev} was not committed`), /goals reached/], minutes(6));
    await untilGoals(device);
  }
  const found = await verdict(device, rev);
  if (found !== wanted) throw new Error(`revision ${rev} came to ${found}, not to ${wanted}`);
  await whenContainers(device, "every goal", allGoalsReached, minutes(3));
}

const Record = v.object({ status: v.string() });
/** Statuses that nothing comes after. */
export const final: ReadonlySet<string> = new Set(["DONE", "UPDATED", "ERROR", "WONTGO"]);

/** The status of a revision; null: the device knows no such revision, or has no record of it. */
export async function statusOf(device: Device, rev: string): Promise<string | null> {
  const { code, stdout } = await device.ask(`cairn ctl steps show-progress ${rev} --json`, minutes(4));
  return code === 0 ? v.parse(Record, JSON.parse(stdout)).status : null;
}

/** The status of a revision as soon as it is a last one; otherwise what it is when time is over. */
export async function verdict(device: Device, rev: string, withinMs = minutes(5)): Promise<string | null> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const status = await statusOf(device, rev);
    if ((status !== null && final.has(status)) || performance.now() > untilMs) return status;
    await Bun.sleep(500); // asking is work for the device, too
  }
}

function filesOf({ state, parts }: Revision): BootFiles {
  const parsed = parseState(new TextEncoder().encode(state));
  if (!parsed.ok || parsed.value.bsp === null) throw new Error("a revision of the story does not boot");
  const files = bootFiles(parsed.value.bsp).map(({ name, key }) => {
    const part = parts.get(key);
    if (part === undefined || !("file" in part)) throw new Error(`${key} is no file`);
    return [name, part.file] as const;
  });
  return Object.fromEntries(files);
}
