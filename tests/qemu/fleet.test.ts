/** A device and its hub: process 1 starts the link, bounds it, and starts it again; the hub sees what runs. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { fleetHub, joins, knowsHub, network, whenDevice } from "./fleet/fleet.ts";
import { repository } from "./host.ts";
import { probeContainer, revision, testArch, withDevice } from "./index.ts";

const arch = testArch();

test("a device joins the fleet, shows what it runs, and loses nothing but the link when the link is killed", async () => {
  await using hub = await fleetHub();
  const made = await revision({
    arch,
    containers: [await probeContainer(arch)],
    base: { cairn: join(repository, "dist", `cairn-${arch}`), files: knowsHub },
  });
  const append = [...joins(hub), "PV_LINK_DAY_BYTES=1000000"];
  await withDevice({ name: `fleet-${arch}`, arch, revision: made, append }, async (device) => {
    await device.console(/goals reached: .*root reached/, 120_000);
    await device.must(network);
    await device.console(/this device is [a-z2-7]{13} in fleet lab/, 120_000);
    const first = await whenDevice(hub, ({ report }) => report !== null);
    expect(first).toMatchObject({ status: "accepted" });
    expect(device.log).toContain(`this device is ${first.id} in fleet lab`);
    expect(first.report?.state).toMatchObject({ running: "0", flags: { safeMode: false, local: false } });

    const group = "/sys/fs/cgroup/cairn-link";
    expect((await device.must(`cat ${group}/memory.max`)).trim()).toBe(String(96 << 20));
    expect((await device.must(`cat ${group}/cpu.weight`)).trim()).toBe("20");
    const pid = (await device.must(`cat ${group}/cgroup.procs`)).trim();
    expect(pid).toMatch(/^\d+$/);
    const used = Number((await device.must(`cat ${group}/memory.peak`)).trim());
    console.log(`the link has used ${(used / 2 ** 20).toFixed(1)} MiB at most`);
    expect(used).toBeLessThan(96 << 20);
    const kept = await device.must("cd /storage/config/cairn && stat -c '%a %n' key.pem membership.json ledger");
    expect(kept.trim().split("\n")).toEqual(["600 key.pem", "644 membership.json", "644 ledger"]);

    await device.must(`kill -9 ${pid}`);
    await device.console(/the link to the hub was killed by SIGKILL; it starts again in 1 s/);
    const since = first.report?.at ?? "";
    expect(await whenDevice(hub, ({ report }) => (report?.at ?? "") > since)).toMatchObject({ id: first.id });
    expect((await device.must(`cat ${group}/cgroup.procs`)).trim()).not.toBe(pid);
  });
}, 400_000);
