/** Revisions that take the network away: all their goals are reached, and the hub is not. */
import { expect, test } from "bun:test";
import { fleetRevision, withFleetDevice } from "./fleet/device.ts";
import { post, release, type SeenDevice, whenDevice } from "./fleet/fleet.ts";
import { allGoalsReached, defaultGroups, type Json, scriptContainer, testArch, whenContainers } from "./index.ts";

const arch = testArch();

/** The default groups, without time to become stable in. */
const groups: Json = defaultGroups.map((group) => {
  const { auto_recovery: _, ...rest } = group as Record<string, Json>;
  return { ...rest, timeout: 15 };
});

/** The device's network is a container's work, as on most devices; the network namespace is the device's own. */
const networks = {
  up: "ip link set eth0 up; ip address add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2",
  down: "ip link set eth0 down",
} as const;

async function made(network: keyof typeof networks, files?: Readonly<Record<string, string>>) {
  const connects = await scriptContainer(
    arch,
    "network",
    `export PATH=/bin:/sbin
trap 'exit 0' TERM PWR
until ip link show eth0 >/dev/null 2>&1; do sleep 1; done
${networks[network]}
echo the network is ${network}
while :; do sleep 1000 & wait; done
`,
    { spec: { args: { PV_GROUP: "app", PV_DRIVERS_REQUIRED: ["ethernet"] } } },
  );
  return fleetRevision(arch, connects, groups, files);
}

const failed = (sequence: number) => (device: SeenDevice) =>
  device.desired?.sequence === sequence && device.desired.progress?.phase === "error";

test("a revision without a network is gone back from, swapped or booted, and the hub hears why", async () => {
  const factory = await made("up");
  const cutOff = await made("down");
  const bootedCutOff = await made("down", { "/etc/based-on": "another base system\n" });
  const options = { name: `fleet-network-${arch}`, arch, factory, contactS: 30 };
  await withFleetDevice(options, async (device, hub) => {
    await release(hub, await post(hub, cutOff));
    await device.console([/revision 1: TESTING/, /revision 1: ERROR/], 240_000); // in between, all goals are reached
    const swapped = await whenDevice(hub, failed(1));
    expect(swapped.desired?.progress).toMatchObject({ phase: "error", reason: "hubUnreachable" });
    await whenContainers(device, "what ran before", allGoalsReached, 120_000);
    expect((await device.must("readlink /storage/trails/current")).trim()).toBe("0");

    await release(hub, await post(hub, bootedCutOff));
    await device.console([/revision 2 is to be tried/, /revision 2: INPROGRESS: Trying new revision/], 300_000);
    await device.console([/revision 2: TESTING/, /revision 2: ERROR/, /goals reached/], 240_000);
    device.reconnected();
    const booted = await whenDevice(hub, failed(2));
    expect(booted.desired?.progress).toMatchObject({ phase: "error", reason: "hubUnreachable" });
    await whenDevice(hub, ({ report }) => report?.state.running === "0");
    expect((await device.must("readlink /storage/trails/current", 180_000)).trim()).toBe("0");
  });
}, 900_000);
