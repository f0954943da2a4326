/** A disk that is larger than its image: the storage grows to its end, whatever the power does meanwhile. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { storageStart } from "./head.ts";
import { buildFolder, run } from "./host.ts";
import {
  type BootOptions,
  type Device,
  makeDeviceDisk,
  powerOff,
  probeContainer,
  revision,
  testArch,
  withDevice,
} from "./index.ts";

const arch = testArch();
const minutes = (count: number): number => count * 60_000;
const storageMib = 256;
const spareMib = 3840;
/** What the partition is then, to the last MiB; the file system has whole groups, of 8 or 128 MiB. */
const grownMib = storageMib + spareMib + 1;

const options = async (name: string, append: readonly string[]): Promise<BootOptions> => ({
  name: `growth-${name}-${arch}`,
  arch,
  revision: await revision({ arch, containers: [await probeContainer(arch)] }),
  disk: { storageMib, spareMib },
  append,
});

/** MiB of the partition, and of the file system in it. */
async function sizes(device: Device): Promise<readonly [number, number]> {
  const sectors = Number(await device.must("cat /sys/class/block/vda2/size"));
  const total = Number(await device.must("stat -f -c %b /storage"));
  const block = Number(await device.must("stat -f -c %S /storage"));
  return [sectors / 2048, (total * block) / 1024 / 1024];
}

test(
  "the storage has the whole disk after the first boot, and the next one finds nothing to do",
  async () => {
    const first = await options("first", ["PV_STORAGE_GROW=1"]);
    await mkdir(join(buildFolder, "run"), { recursive: true });
    const folder = await mkdtemp(join(buildFolder, "run", "growth-"));
    const image = join(folder, "disk.img");
    try {
      await makeDeviceDisk(first, image, join(folder, "storage"));
      await withDevice({ ...first, image }, async (device) => {
        await device.console([/storage partition is now of 4097 MiB/, /storage grew from 256 to 4096 MiB/]);
        const [partition, fileSystem] = await sizes(device);
        expect(partition).toBe(grownMib);
        expect(fileSystem).toBeGreaterThan(grownMib * 0.9);
        expect(await powerOff(device)).toBe("guest-shutdown");
        expect(await device.fsck()).toMatchObject({ clean: true });
      });
      await withDevice({ ...first, image }, async (device) => {
        await device.console(/goals reached: .*root reached/);
        expect((await sizes(device))[0]).toBe(grownMib);
        expect(device.log).not.toMatch(/storage (partition|grew|does not)/);
        expect(await powerOff(device)).toBe("guest-shutdown");
      });
      expect(await run(["sfdisk", "--verify", image])).toContain("No errors detected");
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  minutes(3),
);

test(
  "power that fails between the partition and the end of the file system's growth costs nothing",
  async () => {
    const cut = await options("cut", ["PV_STORAGE_GROW=1"]);
    await mkdir(join(buildFolder, "run"), { recursive: true });
    const folder = await mkdtemp(join(buildFolder, "run", "growth-"));
    const image = join(folder, "disk.img");
    try {
      await makeDeviceDisk(cut, image, join(folder, "storage"));
      await withDevice({ ...cut, image }, async (device) => {
        await device.console(/storage partition is now of 4097 MiB/);
        await device.cutPower();
        expect(device.log).not.toContain("storage grew");
        const copy = `${image}.copy`; // the device's own kernel is to replay the journal
        await run(["cp", "--sparse=always", image, copy]);
        await run(["e2fsck", "-fp", `${copy}?offset=${storageStart}`], { accept: [0, 1] }); // 4: no journal could mend it
      });
      await withDevice({ ...cut, image }, async (device) => {
        await device.console(/storage grew from \d+ to 4096 MiB/);
        expect(device.log).not.toContain("storage partition");
        expect(await powerOff(device)).toBe("guest-shutdown");
        expect(await device.fsck()).toMatchObject({ clean: true });
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  minutes(3),
);

test(
  "a device that is not told to grow leaves the disk as it is",
  async () => {
    await withDevice(await options("off", []), async (device) => {
      await device.console(/goals reached: .*root reached/);
      expect((await sizes(device))[0]).toBe(storageMib);
    });
  },
  minutes(2),
);
