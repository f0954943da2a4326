/** Revisions live and die on a whole device, through the real boot loader: swapped, tried by boot, committed, taken back. */
import { expect } from "bun:test";
import {
  allGoalsReached,
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
async function device(says: string, more: { readonly base?: Record<string, string>; readonly goal?: string } = {}) {
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
    base: { files: more.base ?? {} },
  });
}

/** The default ones, quicker to give up. */
function groups(): Json {
  return defaultGroups.map((group) => ({ ...(group as Record<string, Json>), timeout: 15 }));
}

const revisions = async () => ({
  factory: await device("the first"),
  changed: await device("the second"),
  rebased: await device("the second", { base: { "/etc/based-on": "another base system\n" } }),
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
