/** bsp-buildroot/initramfs/init on a real kernel; a shell script stands in for Cairn as process 1. */
import { expect, test } from "bun:test";
import { type BootOptions, type Revision, revision, testArch, withDevice } from "./index.ts";

const arch = testArch();
const minutes = (count: number): number => count * 60_000;

const init = `#!/bin/sh
export PATH=/usr/bin:/usr/sbin
echo "init is process $$, panic=$(cat /proc/sys/kernel/panic)"
while read -r source target type options _; do echo "mount: $target $type \${options%%,*}"; done </proc/mounts
echo "console says: end" >/dev/console
grep -q keep.running /proc/cmdline || exit 7
poweroff -f
`;

type Parts = Parameters<typeof revision>[0]["parts"];
type Format = "squashfs" | "erofs";
const standIn = (parts: Parts = {}, format: Format = "squashfs"): Promise<Revision> =>
  revision({ arch, containers: [], base: { init, format }, parts });
const options = async (
  name: string,
  append: readonly string[],
  parts: Parts = {},
  format: Format = "squashfs",
): Promise<BootOptions> => ({
  name: `first-stage-${name}-${arch}`,
  arch,
  revision: await standIn(parts, format),
  append: ["pv_storage.wait=1", "pv_storage.failwait=1", ...append],
});

test.each(["squashfs", "erofs"] as const)(
  "hands the revision's base system over, %s: read-only root, storage and kernel file systems mounted, a panic reboots",
  async (format) => {
    await withDevice(await options(`hand-over-${format}`, ["panic=0", "keep.running"], {}, format), async (device) => {
      await device.console([/the command line has no panic=/, /init is process 1, panic=2/, /console says: end/]);
      const mounts = [...device.log.matchAll(/^mount: (.*)$/gm)].map(([, mount]) => mount);
      expect(mounts.toSorted()).toEqual([
        `/ ${format} ro`,
        "/dev devtmpfs rw",
        "/proc proc rw",
        "/storage ext4 rw",
        "/sys sysfs rw",
      ]);
      expect(await device.end()).toBe("guest-shutdown");
      // The stand-in unmounts nothing, and that is seen: the journal waits, nothing is broken.
      expect(await device.fsck()).toMatchObject({ clean: false, sound: true });
    });
  },
  minutes(2),
);

test(
  "a process 1 that ends is a panic, and a panic is a reboot",
  async () => {
    await withDevice(await options("panic", ["pv_storage.device=/dev/vda2"]), async (device) => {
      await device.console([
        /init is process 1/,
        /Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000700/,
      ]);
      expect(await device.end()).toBe("guest-reset");
    });
  },
  minutes(2),
);

test(
  "a storage device that does not appear is named, with those that are there, and the device reboots",
  async () => {
    await withDevice(await options("no-storage", ["PV_STORAGE_DEVICE=LABEL=elsewhere"]), async (device) => {
      await device.console([
        /FAILED: storage device LABEL=elsewhere did not appear within 1 s/,
        /\/dev\/vda2, 768 MiB/,
        /reboot in 1 s/,
      ]);
      expect(await device.end()).toBe("guest-reset");
    });
  },
  minutes(2),
);

test.each([
  ["unknown-revision", ["pv_rev=locals/other"], {}, /FAILED: revision 'locals\/other' is not on the storage/],
  ["revision-outside", ["pv_rev=locals/../.."], {}, /FAILED: 'locals\/..\/..' is no name of a revision/],
  [
    "rootfs-outside",
    [],
    { "bsp/run.json": { json: { linux: "vmlinuz", initrd: "initramfs.cpio.gz", rootfs: "../x.squashfs" } } },
    /FAILED: .*rootfs '..\/x.squashfs' is no plain file name/,
  ],
  [
    "no-rootfs",
    [],
    { "bsp/run.json": { json: { linux: "vmlinuz", initrd: "initramfs.cpio.gz" } } },
    /FAILED: .* names no base system/,
  ],
  [
    "broken-rootfs",
    [],
    {
      "bsp/run.json": { json: { linux: "vmlinuz", initrd: "initramfs.cpio.gz", rootfs: "broken.squashfs" } },
      "bsp/broken.squashfs": { bytes: "no squashfs" },
    },
    /FAILED: .* cannot be mounted as squashfs/,
  ],
] as const)(
  "%s: says so and reboots",
  async (name, append, parts, message) => {
    await withDevice(await options(name, append, parts), async (device) => {
      await device.console([message, /reboot in 1 s/]);
      expect(await device.end()).toBe("guest-reset");
    });
  },
  minutes(2),
);
