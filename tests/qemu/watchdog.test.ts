/** The board's watchdog (QEMU's Intel 6300ESB, a PCI device that works on both machine types) against a runtime that hangs. The
 *  runtime is made to hang by the kernel's cgroup freezer: it keeps its memory and its files, and its event loop does not turn. */
import { expect, test } from "bun:test";
import { type BootOptions, type Device, probeContainer, revision, testArch, withDevice } from "./index.ts";

const arch = testArch();
const minutes = (count: number): number => count * 60_000;
const goalsReached = /goals reached: .*root reached/;

const options = async (name: string, append: readonly string[]): Promise<BootOptions> => ({
  name: `watchdog-${name}-${arch}`,
  arch,
  revision: await revision({ arch, containers: [await probeContainer(arch)] }),
  watchdog: true,
  reboots: true,
  append,
});

const freeze = `set -e
mkdir /sys/fs/cgroup/frozen
cd /sys/fs/cgroup/frozen
echo 1 >cgroup.procs
echo 1 >cgroup.freeze
until grep -q 'frozen 1' cgroup.events; do sleep 0.1; done
cat cgroup.events`;

async function freezeTheRuntime(device: Device): Promise<void> {
  expect(await device.must(freeze)).toBe("populated 1\nfrozen 1\n");
}

/** Seconds since the machine started, on the device's own clock. */
const uptime = async (device: Device): Promise<number> => Number.parseFloat(await device.must("cat /proc/uptime"));

test(
  "a runtime whose event loop hangs is reset by the watchdog, and the device comes back",
  async () => {
    await withDevice(await options("hang", ["PV_WDT_TIMEOUT=5"]), async (device) => {
      await device.console([/watchdog: i6300ESB timer, 5000 ms/, goalsReached]);
      const before = await uptime(device);
      while ((await uptime(device)) < before + 7) await Bun.sleep(500);
      expect(device.events).not.toContain("WATCHDOG"); // a healthy loop kicks in time
      await freezeTheRuntime(device);
      await device.console([/Linux version/, /watchdog: i6300ESB timer, 5000 ms/, goalsReached]);
      expect(device.events).toContain("WATCHDOG");
      expect(device.log).not.toContain("Kernel panic");
    });
  },
  minutes(3),
);

test.each([
  ["disabled", "is never opened"],
  ["startup", "is let go when the goals are reached"],
])(
  "PV_WDT_MODE=%s: the watchdog %s, so a hang is not noticed",
  async (mode) => {
    await withDevice(await options(mode, [`PV_WDT_MODE=${mode}`, "PV_WDT_TIMEOUT=5"]), async (device) => {
      await device.console(goalsReached);
      expect(device.log.includes("watchdog: i6300ESB timer")).toBe(mode === "startup");
      await freezeTheRuntime(device);
      const before = await uptime(device);
      while ((await uptime(device)) < before + 11) await Bun.sleep(500); // more than twice the timeout
      expect(device.events).not.toContain("WATCHDOG");
    });
  },
  minutes(2),
);
