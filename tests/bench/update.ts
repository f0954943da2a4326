/**
 * `make bench-update`: what an update costs a device. How long a container is down when it is exchanged without a reboot, against its
 * own stop and start on the same device; how long a failed revision takes until the one before it serves again; what is written to the
 * storage beyond the payload. QEMU counts instructions (`-icount shift=0`: one is 1 ns) and the device's clock follows them, so a run
 * repeats itself. Prints figures; passes no judgement beyond "over budget". Environment: ARCH; ECHO=1 shows the console.
 */
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Arch, arches, buildFolder, hostArch } from "../qemu/host.ts";
import {
  allGoalsReached,
  boot,
  bringAlong,
  type Device,
  defaultGroups,
  incoming,
  type Json,
  probeContainer,
  type Revision,
  revision,
  scriptContainer,
  whenContainers,
} from "../qemu/index.ts";

const arch: Arch = arches.find((known) => known === process.env["ARCH"]) ?? hostArch();
const payloadBytes = 32 << 20;
const budget = { extraDowntimeMs: 300, backMs: 20_000 } as const;

/** Bytes that no packer makes smaller, always the same. */
async function noise(): Promise<string> {
  const path = join(buildFolder, "bench", "noise-32");
  if (existsSync(path)) return path;
  const bytes = Buffer.alloc(payloadBytes);
  let state = 0x9e3779b9;
  for (let at = 0; at < bytes.length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state | 0, at);
  }
  await mkdir(join(buildFolder, "bench"), { recursive: true });
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
  return path;
}

/** It serves from the moment it says so until it is asked to stop; both are in the kernel's log, with its time. */
const serving = `trap 'echo "<5>bench: stops" >/dev/kmsg; exit 0' TERM PWR
echo "<5>bench: serves" >/dev/kmsg
while :; do sleep 1000 & wait; done
`;

/** The default groups, with less patience. */
const groups: Json = {
  groups: defaultGroups.map((group) => {
    const { auto_recovery: recovery, ...rest } = group as Record<string, Json>;
    const quick = { ...(recovery as Record<string, Json>), stable_timeout: 1 };
    return { ...rest, timeout: 10, ...(recovery === undefined ? {} : { auto_recovery: quick }) };
  }),
};

async function device(version: string, more: { readonly silent?: boolean; readonly base?: string } = {}) {
  const tree = { copies: { "/payload": await noise() }, files: { "/version": `${version}\n` } };
  const args = { PV_GROUP: "app", PV_SECURITY_FULLDEV: "yes", PV_DISABLE_AUTODEV: "yes" };
  const spec = { args: more.silent === true ? { ...args, PV_STATUS_GOAL: "READY" } : args };
  const containers = [await probeContainer(arch), await scriptContainer(arch, "serves", serving, { tree, spec })];
  const files = more.base === undefined ? {} : { "/etc/motd": `${more.base}\n` };
  return revision({ arch, device: groups, containers, base: { files } });
}

const kernelSeconds = (text: string, words: string): readonly number[] =>
  [...text.matchAll(new RegExp(`\\[ *(\\d+\\.\\d+)\\] bench: ${words}`, "g"))].map(([, seconds]) => Number(seconds));

/** From the last "stops" to the "serves" after it. */
function downtimeMs(log: string): number {
  const stopped = kernelSeconds(log, "stops").at(-1) ?? Number.NaN;
  const serves = kernelSeconds(log, "serves").at(-1) ?? Number.NaN;
  return (serves - stopped) * 1000;
}

const writtenBytes = async (device: Device): Promise<number> => {
  await device.must("sync");
  const fields = (await device.must("cat /sys/block/vda/stat")).trim().split(/\s+/);
  return Number(fields[6]) * 512; // sectors written (Documentation/block/stat.rst)
};

const install = (name: string, flags: string): string =>
  `cairn ctl install ${incoming(name)} --name locals/${name} ${flags}`;

const say = (what: string, figure: string, over = false): void =>
  console.log(`${what.padEnd(66)} ${figure}${over ? "   over budget" : ""}`);
const seconds = (value: number): string => `${(value / 1000).toFixed(0)} s`;
const ms = (value: number): string => `${value.toFixed(0)} ms`;

const first = await device("1");
const exports: Readonly<Record<string, Revision>> = {
  second: await device("2"),
  silent: await device("3", { silent: true }),
  rebased: await device("3", { silent: true, base: "another" }),
};
await using machine = await boot({
  name: `bench-update-${arch}`,
  arch,
  revision: first,
  loader: "real",
  reboots: true,
  icount: "shift=0",
  devices: ["-rtc", "clock=vm"],
  ...(process.env["ECHO"] === "1" ? { echo: (line: string) => console.log(`  | ${line}`) } : {}),
  append: ["PV_UPDATER_COMMIT_DELAY=1"],
  disk: { storageMib: 1024, inodeTables: "ready", prepare: bringAlong(exports, first) },
});
const hour = 3_600_000;
await machine.must("true", hour);
await whenContainers(machine, "the first revision's goals", allGoalsReached, hour);

console.log(`${arch}, one container with an image of 32 MiB, QEMU counting instructions`);
await machine.must("cairn ctl containers restart serves");
await machine.console([/bench: stops/, /bench: serves/], hour);
const own = downtimeMs(machine.log);
say("the container's own stop and start", ms(own));

const before = await writtenBytes(machine);
await machine.must(install("second", "--run"), hour);
const swapped = downtimeMs(machine.log);
say("exchanged without a reboot: down for", ms(swapped));
say("beyond its own stop and start (budget 300 ms)", ms(swapped - own), swapped - own > budget.extraDowntimeMs);
const written = (await writtenBytes(machine)) - before;
say("written to the storage beyond the payload", `${((written - payloadBytes) / 1024).toFixed(0)} KiB`);

/** Seconds of the device's clock at the verdict, as the record has it. */
const verdictAt = async (name: string): Promise<number> =>
  (
    JSON.parse(await machine.must(`cairn ctl steps show-progress locals/${name} --json`, hour)) as {
      evidence: { at: number };
    }
  ).evidence.at;
/** Of the last "serves" of the kernel's log, by the device's clock, whose second is the resolution. */
const servesAt = async (): Promise<number> => {
  const told = await machine.must("echo $(date +%s) $(cut -d ' ' -f 1 /proc/uptime)", hour);
  const [now, upSeconds] = told.split(" ").map(Number);
  const serves = kernelSeconds(machine.log, "serves").at(-1) ?? Number.NaN;
  return ((now ?? Number.NaN) - (upSeconds ?? Number.NaN) + serves) * 1000;
};

const silent = await machine.run(install("silent", "--run"), hour);
if (silent.code !== 1)
  throw new Error(`the silent revision ended with ${silent.code}:\n${silent.stdout}${silent.stderr}`);
await whenContainers(machine, "the revision before it", allGoalsReached, hour);
const back = (await servesAt()) - (await verdictAt("silent"));
say("a failed swap: from the verdict until the one before serves (±1 s)", seconds(back), back > budget.backMs);

await machine.run(install("rebased", "--run --no-wait"), hour);
await machine.console([/revision locals\/rebased: ERROR/, /was not committed/, /bench: serves/, /goals reached/], hour);
machine.reconnected();
const rebooted = (await servesAt()) - (await verdictAt("rebased"));
say(
  "a failed boot: from the verdict until the one before serves (±1 s, at most 20 s)",
  seconds(rebooted),
  rebooted > budget.backMs,
);
