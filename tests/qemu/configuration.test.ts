/** What process 1 makes of its configuration's levels, and what it tells the kernel. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import * as v from "valibot";
import { repository } from "./host.ts";
import { probeContainer, revision, testArch, withDevice } from "./index.ts";

const arch = testArch();
const Entries = v.array(v.object({ key: v.string(), value: v.nullable(v.string()), modified: v.string() }));

// The first stage sets panic= where a boot loader did not; another one may not.
const init = `#!/bin/sh
echo 0 >/proc/sys/kernel/panic
export PV_LOG_BUF_NITEMS=200
exec /usr/bin/cairn
`;

test("every level of the configuration is heard, the highest wins, and the kernel is told what it has to know", async () => {
  const made = await revision({
    arch,
    containers: [await probeContainer(arch)],
    base: {
      cairn: join(repository, "dist", `cairn-${arch}`),
      init,
      files: {
        "/etc/pantavisor.config": [
          ...["PV_POLICY=quiet", "PV_STORAGE_GC_THRESHOLD_DEFERTIME=3", "PV_STORAGE_GC_THRESHOLD_DEFERTIME=4"],
          ...["PV_LOG_HYSTERESIS_FACTOR=2", "PV_LOG_ROTATE_FACTOR=7", "PV_UPDATER_GOALS_TIMEOUT=50"],
          ...["PV_SYSCTL_VM_SWAPPINESS=17", "PV_LOG_LEVEL=loud", "PV_NO_SUCH_KEY=1", ""],
        ].join("\n"),
        "/etc/pantavisor/policies/quiet.config": "PV_LOG_ROTATE_FACTOR=8\nsysctl.kernel.printk_ratelimit=9\n",
      },
    },
  });
  const append = ["pv_updater.goals.timeout=60", "pv_log.buf_nitems=150", "PV_STORAGE_GC_THRESHOLD_DEFERTIME=6"];
  await withDevice({ name: `configuration-${arch}`, arch, revision: made, append }, async (device) => {
    await device.console(/goals reached: .*root reached/);
    const listed = v.parse(Entries, JSON.parse(await device.must("cairn ctl config ls --json")));
    const shown = Object.fromEntries(listed.map(({ key, value, modified }) => [key, [value, modified]]));
    expect(shown).toMatchObject({
      PV_LOG_CAPTURE: ["1", "default"],
      PV_LOG_HYSTERESIS_FACTOR: ["2", "pv conf file"],
      PV_LOG_ROTATE_FACTOR: ["8", "policy"],
      PV_UPDATER_GOALS_TIMEOUT: ["60", "pv cmdline"],
      PV_LOG_BUF_NITEMS: ["200", "env"],
      PV_STORAGE_DEVICE: ["LABEL=pvdata", "env"], // the kernel hands such words to process 1 as its environment
    });

    const count = (text: string): number => device.log.split(text).length - 1;
    expect(count("PV_STORAGE_GC_THRESHOLD_DEFERTIME (pv conf file): is known, but what it sets is not there yet")).toBe(
      1,
    );
    expect(count("PV_STORAGE_GC_THRESHOLD_DEFERTIME")).toBe(1 + count("PV_STORAGE_GC_THRESHOLD_DEFERTIME=6")); // where the kernel repeats its command line
    expect(device.log).toContain("PV_LOG_LEVEL (pv conf file): wants");
    expect(device.log).toContain('"PV_NO_SUCH_KEY" (pv conf file): no such key, ignored');

    const kernel = async (name: string): Promise<string> => (await device.must(`cat /proc/sys/${name}`)).trim();
    expect(await kernel("vm/swappiness")).toBe("17");
    expect(await kernel("kernel/printk_ratelimit")).toBe("9");
    expect(device.log).toContain("the boot loader set no panic=: a dead runtime reboots after 2 s all the same");
    expect(await kernel("kernel/panic")).toBe("2");
    expect(await kernel("kernel/hostname")).toBe((await device.must("cat /etc/hostname")).trim()); // the base system's
    expect(await kernel("kernel/ctrl-alt-del")).toBe("0"); // process 1 is asked instead
    const mounts = await device.must("grep cgroup /proc/mounts");
    expect(mounts).toMatch(/^cgroup2 \/sys\/fs\/cgroup cgroup2 [^\n]*nsdelegate[^\n]*\n$/);
    expect(await device.must("cat /sys/fs/cgroup/cgroup.subtree_control")).toMatch(/cpu.* io memory.* pids/);
    expect(await device.must("ip address show lo")).toContain("127.0.0.1/8");
    // This machine has no watchdog, which is no reason not to work.
    expect(device.log).toMatch(/no watchdog, a hang would not be noticed: .*PV_WDT_MODE=disabled/);
  });
}, 120_000);
