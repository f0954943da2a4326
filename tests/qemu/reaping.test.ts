/** Nobody else waits for orphans: those of a container are its first process's, all others are process 1's. (That an exit which
 *  somebody in process 1 waits for is not taken away is shown in tests/linux/reaper.test.ts.) */
import { expect, test } from "bun:test";
import {
  containers,
  type Device,
  probeContainer,
  revision,
  scriptContainer,
  testArch,
  whenContainers,
  withDevice,
} from "./index.ts";

const arch = testArch();
const orphans = 1000;

/** Children of process 1 that have ended and that nobody has waited for. */
const zombies = async (device: Device): Promise<number> =>
  Number(await device.must("cat /proc/[0-9]*/stat 2>/dev/null | awk '$3 == \"Z\" && $4 == 1' | wc -l"));

const pidOf = async (device: Device, name: string): Promise<number> =>
  (await containers(device)).find((container) => container.name === name)?.pid ?? 0;

test("1,000 orphans that all ended while process 1 was held up leave no zombie, and a container's end among them is still noticed", async () => {
  const daemonize = "sh -c 'sleep 5000 & exit 0'\ntrap 'exit 0' PWR TERM\nwhile :; do sleep 3600 & wait $!; done\n";
  const made = await revision({
    arch,
    containers: [await probeContainer(arch), await scriptContainer(arch, "family", daemonize)],
  });
  await withDevice({ name: `reaping-${arch}`, arch, revision: made }, async (device) => {
    await device.console(/goals reached: .*app reached/);

    // A daemon whose shell has ended belongs to its container's first process, in a pid namespace of its own.
    const family = await pidOf(device, "family");
    const daemon = Number(await device.must("ps | awk '$3 == \"sleep\" && $4 == 5000 { print $1 }'"));
    expect((await device.must(`awk '/^PPid/ { print $2 }' /proc/${daemon}/status`)).trim()).toBe(String(family));
    await device.must(`kill ${daemon}`);
    await device.must(`while [ -e /proc/${daemon} ]; do sleep 0.1; done`);

    // Frozen, process 1 cannot wait: this shows that what is counted below does appear.
    await device.must(
      "set -e; mkdir /sys/fs/cgroup/frozen; cd /sys/fs/cgroup/frozen; echo 1 >cgroup.procs; echo 1 >cgroup.freeze",
    );
    await device.must(`i=0; while [ $i -lt ${orphans} ]; do (: &) ; i=$((i + 1)); done; kill -9 ${family}`, 120_000);
    expect(await zombies(device)).toBeGreaterThanOrEqual(orphans);

    await device.must("echo 0 >/sys/fs/cgroup/frozen/cgroup.freeze; echo 1 >/sys/fs/cgroup/cgroup.procs");
    await device.console(/family was killed by signal 9; retry 1/);
    await whenContainers(device, "family to be recovered", (list) =>
      list.some(({ name, status, pid }) => name === "family" && status === "STARTED" && pid !== family),
    );
    expect(await zombies(device)).toBe(0);
  });
}, 180_000);
