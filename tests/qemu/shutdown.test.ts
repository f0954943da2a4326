/** The way down: who asks, what containers get, what the storage looks like afterwards, and how long it may take. */
import { expect, test } from "bun:test";
import {
  type BootOptions,
  type ContainerSpec,
  type Device,
  probeContainer,
  revision,
  scriptContainer,
  testArch,
  withDevice,
} from "./index.ts";

const arch = testArch();
const minutes = (count: number): number => count * 60_000;
const goalsReached = /goals reached: .*app reached/;
const keeps = { args: { PV_GROUP: "app" }, persistence: { "/keep": "permanent" } } as const;
const kept = (container: string): string => `/disks/perm/${container}/docker--keep/text`;

/** Says good-bye when it is asked to halt (SIGPWR, liblxc's way). */
const polite = (): Promise<ContainerSpec> =>
  scriptContainer(
    arch,
    "polite",
    "trap 'echo good-bye >/keep/text; exit 0' PWR\nwhile :; do sleep 3600 & wait $!; done\n",
    { spec: keeps },
  );

/** Hears no wish, and writes to a file that it never closes. */
const stubborn = (): Promise<ContainerSpec> =>
  scriptContainer(
    arch,
    "stubborn",
    "trap '' PWR TERM INT\nexec 3>/keep/text\nwhile :; do echo line >&3; sleep 0.1; done\n",
    { spec: keeps },
  );

const options = async (
  name: string,
  containers: readonly ContainerSpec[],
  more: Partial<BootOptions> = {},
): Promise<BootOptions> => ({
  name: `shutdown-${name}-${arch}`,
  arch,
  revision: await revision({ arch, containers: [await probeContainer(arch), ...containers] }),
  ...more,
});

/** The probe is a container like others and would be stopped in the middle: it answers first, and who asks then is not in it. */
const soon = (device: Device, command: string): Promise<string> =>
  device.must(`(echo 0 >/sys/fs/cgroup/cgroup.procs; sleep 0.3; ${command}) >/dev/null 2>&1 &`);

/** By this machine's clock: an emulated machine that is late only makes it more. */
async function tookMs(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return performance.now() - startedAtMs;
}

test(
  "power-off: containers are asked first and killed after a grace, what they wrote is on the disk, the storage is clean",
  async () => {
    await withDevice(await options("order", [await polite(), await stubborn()]), async (device) => {
      await device.console(goalsReached);
      await device.must("until [ -s /storage/disks/perm/stubborn/docker--keep/text ]; do sleep 0.1; done");
      await soon(device, 'cairn ctl cmd poweroff "new battery"; cairn ctl cmd reboot >/dev/console 2>&1');
      const [polite = 0, stubborn = 0] = (
        await device.console([
          /pantavisor\]\s+(\d+) .*poweroff: new battery/,
          /polite: STOPPING → STOPPED/,
          /poweroff is under way/, // what the second wish gets
          /pantavisor\]\s+(\d+) .*stubborn: STOPPING → STOPPED/,
          /powering off/,
        ])
      ).flatMap(([, second]) => (second === undefined ? [] : [Number(second)]));
      expect(stubborn - polite).toBeGreaterThanOrEqual(4); // a grace of 5 s, on a clock that is cut to seconds
      expect(await device.end(30_000)).toBe("guest-shutdown");
      expect(device.log).not.toMatch(/left behind|EBUSY|not everything stopped/);

      expect(await device.fsck()).toMatchObject({ clean: true });
      expect(await device.file(kept("polite"))).toBe("good-bye\n");
      expect(await device.file(kept("stubborn"))).toMatch(/^(line\n)+$/);
      const log = (await device.file("/logs/0/pantavisor/pantavisor.log")) ?? "";
      const lines = ["poweroff: new battery", "polite: STOPPING → STOPPED", "stubborn: STOPPING → STOPPED"];
      const places = lines.map((line) => log.indexOf(line));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      expect(places).not.toContain(-1);
    });
  },
  minutes(2),
);

test(
  "whoever asks for a reboot or a power-off gets it: the control socket, and BusyBox's commands by their signals",
  async () => {
    await withDevice(await options("who", [], { reboots: true }), async (device) => {
      await device.console(goalsReached);
      await soon(device, "cairn ctl cmd reboot");
      await device.console([/\[boot\]: reboot$/m, /^rebooting/m, /Linux version/, goalsReached]);
      await soon(device, "reboot");
      await device.console([/reboot: signal SIGTERM/, /^rebooting/m, /Linux version/, goalsReached]);
      await soon(device, "poweroff");
      await device.console([/poweroff: signal SIGUSR/, /^powering off/m]);
      expect(await device.end()).toBe("guest-shutdown");
      expect(device.events).not.toContain("WATCHDOG");
      expect(await device.fsck()).toMatchObject({ clean: true });
    });
  },
  minutes(3),
);

// A process that the kernel does not let go, as with a medium that does not answer: it writes to a frozen file system.
const stuck = `set -e
mkdir /tmp/stuck
truncate -s 4M /tmp/stuck.img
loop=$(losetup -f)
losetup $loop /tmp/stuck.img
mke2fs $loop >/dev/null
mount -t ext4 $loop /tmp/stuck
fsfreeze --freeze /tmp/stuck
echo text >/tmp/stuck/file 2>/dev/null &
until grep -q 'State:.*D' /proc/$!/status; do sleep 0.1; done
kill -9 $!
grep State: /proc/$!/status`;

test(
  "a process that cannot be killed is named, and does not hold up the power-off for longer than 30 s",
  async () => {
    await withDevice(await options("stuck", [await polite()]), async (device) => {
      await device.console(goalsReached);
      expect(await device.must(stuck)).toContain("disk sleep");
      const elapsed = await tookMs(async () => {
        await soon(device, "cairn ctl cmd poweroff");
        await device.console([/left behind/, /powering off/], 60_000);
        expect(await device.end()).toBe("guest-shutdown");
      });
      expect(elapsed).toBeLessThan(30_000);
      expect(await device.fsck()).toMatchObject({ clean: true });
      expect(await device.file(kept("polite"))).toBe("good-bye\n");
    });
  },
  minutes(2),
);
