/** Revisions live and die on a whole device, through the real boot loader: swapped, tried by boot, committed, taken back. */
import { expect } from "bun:test";
import {
  allGoalsReached,
  type BaseOptions,
  bringAlong,
  containers,
  type Device,
  defaultGroups,
  incoming,
  type Json,
  probeContainer,
  type Revision,
  revision,
  scriptContainer,
  sharedDevice,
  testArch,
  whenContainers,
} from "./index.ts";

const arch = testArch();
const commitDelay = 4;

/** A container that stays, one that changes, and the probe. `says` is what the second one is. */
async function device(says: string, more: { readonly base?: BaseOptions; readonly goal?: string } = {}) {
  const stays = await scriptContainer(arch, "stays", "trap 'exit 0' TERM PWR\nwhile :; do sleep 1000 & wait; done\n");
  const changes = await scriptContainer(
    arch,
    "changes",
    `trap 'exit 0' TERM PWR\necho I am ${says}\nwhile :; do sleep 1000 & wait; done\n`,
    more.goal === undefined ? {} : { spec: { args: { PV_GROUP: "app", PV_STATUS_GOAL: more.goal } } },
  );
  return revision({
    arch,
    containers: [await probeContainer(arch), stays, changes],
    device: { groups: groups() },
    base: more.base ?? {},
  });
}

/** The default ones, quicker to give up. */
function groups(): Json {
  return defaultGroups.map((group) => ({ ...(group as Record<string, Json>), timeout: 15 }));
}

const revisions = async () => ({
  factory: await device("the first"),
  changed: await device("the second"),
  // Of the other format, which is as good for an update as the same.
  rebased: await device("the second", {
    base: { format: "erofs", files: { "/etc/based-on": "another base system\n" } },
  }),
  dying: await device("the second", { base: { init: "#!/bin/sh\necho process 1 of a bad base system ends\n" } }),
  silent: await device("never ready", { goal: "READY" }),
});

const ready = revisions();

const test = sharedDevice(async () => {
  const { factory, ...others } = await ready;
  return {
    name: `updates-${arch}`,
    arch,
    revision: factory,
    loader: "real",
    reboots: true,
    memoryMib: 512,
    append: [`PV_UPDATER_COMMIT_DELAY=${commitDelay}`],
    disk: { prepare: bringAlong(others as Record<string, Revision>, factory) },
  };
});

const status = async (device: Device, rev: string): Promise<string> => {
  const { status } = JSON.parse(await device.must(`cairn ctl steps show-progress ${rev} --json`)) as { status: string };
  return status;
};

const pids = async (device: Device): Promise<Readonly<Record<string, number | null | undefined>>> =>
  Object.fromEntries((await containers(device)).map(({ name, pid }) => [name, pid]));

test("a changed container is exchanged without a reboot, and committed", async (device) => {
  await device.must("true", 180_000);
  await whenContainers(device, "the factory's goals", allGoalsReached, 120_000);
  const before = await pids(device);
  const said = await device.run(
    `cairn ctl install ${incoming("changed")} --name locals/changed --run -m "second"`,
    120_000,
  );
  expect(said).toMatchObject({ code: 0 });
  const after = await pids(device);
  expect(after["stays"]).toBe(before["stays"] as number);
  expect(after["probe"]).toBe(before["probe"] as number);
  expect(after["changes"]).not.toBe(before["changes"] as number);
  expect(await status(device, "locals/changed")).toBe("DONE");
  expect(await device.must("cat /storage/logs/current/changes/lxc/console.log")).toContain("I am the second");
});

/** Evidence of a revision's end, as `steps show-progress --json` has it. */
interface Verdict {
  readonly status: string;
  readonly "status-msg": string;
  readonly evidence?: {
    readonly reason: string;
    readonly container?: string;
    readonly loader?: { readonly committed: string; readonly trial: string | null; readonly booted: string };
  };
}
const record = async (device: Device, rev: string): Promise<Verdict> =>
  JSON.parse(await device.must(`cairn ctl steps show-progress ${rev} --json`));

const runs = async (device: Device): Promise<string> => (await device.must("readlink /storage/trails/current")).trim();

test("a revision with a container that never gets ready is taken back without a reboot", async (device) => {
  const before = await pids(device);
  const said = await device.run(`cairn ctl install ${incoming("silent")} --name locals/silent --run`, 120_000);
  expect(said.code).toBe(1);
  expect(said.stdout + said.stderr).toContain("Status goal not reached");
  await whenContainers(device, "the revision before it", allGoalsReached, 60_000);
  expect(await runs(device)).toBe("locals/changed");
  const after = await pids(device);
  expect(after["stays"]).toBe(before["stays"] as number);
  expect(await record(device, "locals/silent")).toMatchObject({
    status: "ERROR",
    evidence: { reason: "goalMissed", container: "changes", loader: { trial: "locals/silent", booted: "0" } },
  });
  expect(await device.must("tail -n 1 /storage/logs/current/changes/lxc/console.log")).toContain("I am the second");
});

test("a new base system is tried by a boot and committed", async (device) => {
  await device.run(`cairn ctl install ${incoming("rebased")} --name locals/rebased --run --no-wait`);
  await device.console([/trying revision locals\/rebased/, /revision locals\/rebased: DONE/], 240_000);
  device.reconnected();
  expect(await device.must("cat /etc/based-on", 60_000)).toBe("another base system\n");
  expect(await device.must("cat /proc/mounts")).toMatch(/ \/ erofs ro/);
  expect(await status(device, "locals/rebased")).toBe("DONE");
  expect(await runs(device)).toBe("locals/rebased");
});

test("a base system whose process 1 dies is gone back from by the boot loader, and the reason is recorded", async (device) => {
  await device.run(`cairn ctl install ${incoming("dying")} --name locals/dying --run --no-wait`);
  const said = [/trying revision locals\/dying/, /Kernel panic/, /locals\/dying was not committed/, /goals reached/];
  await device.console(said, 240_000);
  device.reconnected();
  await device.must("true", 60_000);
  expect(await runs(device)).toBe("locals/rebased");
  expect(await record(device, "locals/dying")).toMatchObject({
    status: "ERROR",
    "status-msg": "Unexpected rollback",
    evidence: { reason: "unexpectedReboot", loader: { committed: "locals/rebased", trial: "locals/dying" } },
  });
  const listed = await device.must("cairn ctl steps ls");
  expect(listed).toContain("Unexpected rollback");
  expect(listed).toContain("Status goal not reached");
});
