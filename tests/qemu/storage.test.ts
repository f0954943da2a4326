/** The storage partition as process 1 itself finds it, for first stages that mount none, and when it is full. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkStorage, makeDisk } from "./disk.ts";
import { storageStart } from "./head.ts";
import { buildFolder, repository, run } from "./host.ts";
import {
  type BaseOptions,
  powerOff,
  probeContainer,
  type Revision,
  revision,
  scriptContainer,
  testArch,
  whenContainers,
  withDevice,
} from "./index.ts";

const arch = testArch();
const minutes = (count: number): number => count * 60_000;

/** A base system that is handed over without a storage partition. The kernel makes words that it does not know, such as STORAGE=,
 *  the environment of the first process; the first stage goes by PV_STORAGE_DEVICE and so mounts the usual one. */
const withoutStorage: BaseOptions = {
  cairn: join(repository, "dist", `cairn-${arch}`),
  init: `#!/bin/sh
umount -l /storage
export PV_STORAGE_DEVICE=$STORAGE PV_STORAGE_WAIT=$WAIT
exec /usr/bin/cairn
`,
};

const probeOnly = async (): Promise<Revision> =>
  revision({ arch, containers: [await probeContainer(arch)], base: withoutStorage });

/** Makes a disk with a storage partition of its own and calls `use` with its path. */
async function withSecondDisk(made: Revision, use: (path: string) => Promise<void>): Promise<void> {
  await mkdir(join(buildFolder, "run"), { recursive: true });
  const folder = await mkdtemp(join(buildFolder, "run", "second-"));
  try {
    const path = join(folder, "disk.img");
    await makeDisk(path, join(folder, "storage"), { revisions: { "0": made }, label: "late", storageMib: 256 });
    await run(["tune2fs", "-U", lateUuid, `${path}?offset=${storageStart}`]);
    await use(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}
const lateUuid = "0b6fba4e-5a9b-4c52-9a0e-1f1f61b1b6a1";

test.each(["LABEL=late", `UUID=${lateUuid}`, "/dev/vdb2"])(
  "%s: a storage device that appears late is waited for, found and mounted with a full journal",
  async (selector) => {
    const made = await probeOnly();
    await withSecondDisk(made, async (path) => {
      const name = `storage-${selector.replaceAll(/\W/g, "-")}-${arch}`;
      const devices = [
        ...["-drive", `if=none,id=late,format=raw,file=${path}`],
        ...["-device", "pcie-root-port,id=hot,chassis=1"],
      ];
      await withDevice(
        { name, arch, revision: made, devices, append: [`STORAGE=${selector}`, "WAIT=60"] },
        async (device) => {
          await device.console(/\[boot\]: cairn \d/);
          expect(device.log).not.toContain("[vdb]"); // as the kernel greets it
          await device.qmp("device_add", { driver: "virtio-blk-pci", drive: "late", bus: "hot", romfile: "" });
          await device.console(/goals reached: .*root reached/);
          expect(await device.must("grep ' /storage ' /proc/mounts")).toMatch(
            /^\/dev\/vdb2 \/storage ext4 rw,noatime,[^\n]*data=journal[^\n]*\n$/,
          );
          expect(await powerOff(device)).toBe("guest-shutdown");
          expect(await checkStorage(path)).toMatchObject({ clean: true });
        },
      );
    });
  },
  minutes(2),
);

test(
  "a storage device that never appears is named, with those that are there, and a reboot is announced",
  async () => {
    const made = await probeOnly();
    const append = ["STORAGE=LABEL=nowhere", "WAIT=1"];
    await withDevice({ name: `storage-nowhere-${arch}`, arch, revision: made, append }, async (device) => {
      const [match] = await device.console(/FATAL.*storage cannot be mounted: .*LABEL=nowhere.*rebooting in 20 s/);
      expect(match?.[0]).toContain("vda2");
    });
  },
  minutes(2),
);

const fill = "dd if=/dev/zero of=/storage/filler bs=64k; dd if=/dev/zero of=/storage/rest bs=1k; sync; df -k /storage";
const full = /\s0 100%/;

test(
  "a full storage partition costs log lines and nothing else: containers run and recover, and the device boots again",
  async () => {
    const talk = "trap 'exit 0' PWR TERM\nwhile :; do echo talking; sleep 0.2 & wait $!; done\n";
    const made = await revision({
      arch,
      containers: [
        await probeContainer(arch),
        await scriptContainer(arch, "talker", talk, {
          spec: { args: { PV_GROUP: "app" }, persistence: { "/keep": "permanent" } },
        }),
      ],
    });
    const options = { name: `storage-full-${arch}`, arch, revision: made, disk: { storageMib: 160 }, reboots: true };
    await withDevice(options, async (device) => {
      await device.console([/goals reached: .*app reached/, /every object of the revision is good/]);
      expect(await device.must(`(${fill}) 2>/dev/null`)).toMatch(full);
      await device.must("echo 1 >/sys/fs/cgroup/lxc/talker/cgroup.kill");
      await device.console([/talker was killed by signal 9; retry 1/, /talker: STARTING → STARTED/]);
      expect(await device.must("df -k /storage")).toMatch(full);

      await device.must("(sleep 0.3; kill -TERM 1) >/dev/null 2>&1 &");
      await device.console([/^rebooting/m, /Linux version/, /goals reached: .*app reached/]);
      expect(await device.must("df -k /storage")).toMatch(full);

      await device.must("rm /storage/filler /storage/rest");
      await device.must("echo 1 >/sys/fs/cgroup/lxc/talker/cgroup.kill");
      await whenContainers(device, "talker to be recovered", (list) =>
        list.some(({ name, status }) => name === "talker" && status === "RECOVERING"),
      );
      expect(await device.must("cat /storage/logs/0/pantavisor/pantavisor.log")).toMatch(
        /\d+ lines were lost here: ENOSPC/,
      );
      expect(await powerOff(device)).toBe("guest-shutdown");
      expect(await device.fsck()).toMatchObject({ clean: true });
    });
  },
  minutes(3),
);
