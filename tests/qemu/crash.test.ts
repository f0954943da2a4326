/** Process 1 dies, whatever the reason: the kernel panics and the device reboots. Bun catches the signals of a crash, prints its
 *  own report, raises the signal again, which the kernel ignores for process 1, and then executes an undefined instruction; so
 *  what is shown here is that no signal and no fault leaves a dead device standing. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { repository } from "./host.ts";
import {
  type BaseOptions,
  type BootOptions,
  type Device,
  probeContainer,
  revision,
  testArch,
  withDevice,
} from "./index.ts";

const arch = testArch();
const minutes = (count: number): number => count * 60_000;
const panic = /Kernel panic - not syncing: Attempted to kill init! exitcode=0x(\w+)/;

const options = async (name: string, base: BaseOptions = {}): Promise<BootOptions> => ({
  name: `crash-${name}-${arch}`,
  arch,
  revision: await revision({ arch, containers: [await probeContainer(arch)], base }),
});

/** Runs a command that kills process 1 a moment later, so that the answer still comes through. */
const soon = (device: Device, command: string): Promise<string> =>
  device.must(`(sleep 0.5; ${command}) >/dev/null 2>&1 &`);

async function panicked(device: Device): Promise<void> {
  await device.console([panic, /Rebooting in 2 seconds/]);
  expect(await device.end(20_000)).toBe("guest-reset");
}

test.each(["SEGV", "ABRT"])(
  "a runtime that gets SIG%s panics, and the panic reboots",
  async (signal) => {
    await withDevice(await options(signal), async (device) => {
      await soon(device, `kill -${signal} 1`);
      await device.console(/Bun has crashed/);
      await panicked(device);
    });
  },
  minutes(2),
);

test(
  "signals that mean nothing to the runtime do not end it",
  async () => {
    await withDevice(await options("signals"), async (device) => {
      for (const signal of ["HUP", "QUIT", "PIPE", "ALRM", "KILL", "STOP", "TSTP", "WINCH"])
        await device.must(`kill -${signal} 1`);
      expect(await device.must("cairn ctl buildinfo")).not.toBe("");
    });
  },
  minutes(2),
);

test(
  "a runtime whose code is destroyed in memory cannot even report, and still panics and reboots",
  async () => {
    await withDevice(await options("memory"), async (device) => {
      // The kernel gives process 1 a page of its own for each page that is written, read-only code included (proc(5), mem).
      const range = await device.must("grep 'r-xp.*/libc.so.6' /proc/1/maps | cut -d' ' -f1");
      const [from = 0, to = 0] = range
        .trim()
        .split("-")
        .map((address) => Number.parseInt(address, 16) / 4096);
      expect(to).toBeGreaterThan(from);
      await soon(device, `dd if=/dev/zero of=/proc/1/mem bs=4096 seek=${from} count=${to - from} conv=notrunc`);
      await panicked(device);
    });
  },
  minutes(2),
);

test(
  "an exception that nobody caught ends the runtime: its text is on the console, then panic and reboot",
  async () => {
    // devpts cannot be mounted on a file: an early mount that fails is thrown, since nothing can go on without it.
    const base = {
      cairn: join(repository, "dist", `cairn-${arch}`),
      init: "#!/bin/sh\n: >/dev/pts\nexec /usr/bin/cairn\n",
    };
    await withDevice(await options("exception", base), async (device) => {
      await device.console([/early mounts: .*\/dev\/pts/, panic, /Rebooting in 2 seconds/]);
      expect(await device.end(20_000)).toBe("guest-reset");
    });
  },
  minutes(2),
);
