/** Revisions come from a hub over the link: swapped, tried by boot, taken back; the hub hears how it went, and what it cost. */
import { expect, test } from "bun:test";
import { fleetRevision, withFleetDevice } from "./fleet/device.ts";
import { carried, network, post, release, type SeenDevice, whenDevice } from "./fleet/fleet.ts";
import {
  allGoalsReached,
  containers,
  type Device,
  defaultGroups,
  type Json,
  scriptContainer,
  testArch,
  whenContainers,
} from "./index.ts";

const arch = testArch();

const groups: Json = defaultGroups.map((group) => ({ ...(group as Record<string, Json>), timeout: 15 }));

async function made(
  says: string,
  { files, goal }: { readonly files?: Readonly<Record<string, string>>; readonly goal?: string } = {},
) {
  const changes = await scriptContainer(
    arch,
    "changes",
    `trap 'exit 0' TERM PWR\necho I am ${says}\nwhile :; do sleep 1000 & wait; done\n`,
    goal === undefined ? {} : { spec: { args: { PV_GROUP: "app", PV_STATUS_GOAL: goal } } },
  );
  return fleetRevision(arch, changes, groups, files);
}

const pidOf = async (device: Device, name: string): Promise<number | null> =>
  (await containers(device)).find((one) => one.name === name)?.pid ?? null;

const ended = (sequence: number) => (device: SeenDevice) =>
  device.desired?.sequence === sequence && ["done", "error", "wontgo"].includes(device.desired.progress?.phase ?? "");

test("a fleet's device takes what its hub releases, and comes back from what is bad", async () => {
  const factory = await made("the first");
  const changed = await made("the second");
  const silent = await made("never ready", { goal: "READY" });
  const rebased = await made("the second", { files: { "/etc/based-on": "another base system\n" } });
  const connect = (device: Device) => device.must(network);
  const options = { name: `fleet-updates-${arch}`, arch, factory, contactS: 120, connect };
  await withFleetDevice(options, async (device, hub) => {
    const probe = await pidOf(device, "probe");

    const second = await post(hub, changed);
    const before = await carried(device);
    await release(hub, second);
    const done = await whenDevice(hub, ended(1));
    expect(done.desired).toMatchObject({ rev: 1, progress: { phase: "done", percent: 100, reason: null } });
    await whenDevice(hub, ({ report }) => report?.state.running === "1");
    const bytes = (await carried(device)) - before;
    expect(await pidOf(device, "probe")).toBe(probe);
    expect(await device.must("cat /storage/logs/current/changes/lxc/console.log")).toContain("I am the second");
    console.log(`one changed line: ${bytes} bytes on the wire`);
    expect(bytes).toBeLessThan(5_000);

    await release(hub, await post(hub, silent));
    const failed = await whenDevice(hub, ended(2));
    expect(failed.desired?.progress).toMatchObject({ phase: "error", reason: "goalMissed" });
    await whenContainers(device, "what ran before", allGoalsReached, 120_000);
    expect((await device.must("readlink /storage/trails/current")).trim()).toBe("1");

    await release(hub, await post(hub, rebased));
    await device.console(/revision 3 is to be tried/, 180_000);
    await device.console(/revision 3: INPROGRESS: Trying new revision/, 180_000);
    await device.must("true", 180_000);
    await device.must(network);
    await device.console(/revision 3: (DONE|ERROR)/, 180_000);
    const third = await whenDevice(hub, ended(3));
    expect(third.desired?.progress).toMatchObject({ phase: "done" });
    expect(await device.must("cat /etc/based-on")).toBe("another base system\n");
  });
}, 900_000);
