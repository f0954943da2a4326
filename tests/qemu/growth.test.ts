/** A disk that is larger than its image: the storage grows to its end, whatever the power does meanwhile. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { storageStart } from "./head.ts";
import { buildFolder, run } from "./host.ts";
import { builtImages } from "./images.ts";
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
const partitionGrew = /storage partition is now of 4097 MiB/;
const storageGrew = /storage grew from \d+ to 4096 MiB/;

/** A disk that several boots have one after the other. */
async function withDisk(
  name: string,
  append: readonly string[],
  use: (options: BootOptions & { readonly image: string }) => Promise<void>,
): Promise<void> {
  await mkdir(join(buildFolder, "run"), { recursive: true });
  const folder = await mkdtemp(join(buildFolder, "run", "growth-"));
  try {
    const made = await revision({ arch, containers: [await probeContainer(arch)] });
    const disk = { storageMib, spareMib };
    const options = { name: `growth-${name}-${arch}`, arch, revision: made, disk, append };
    const image = join(folder, "disk.img");
    await makeDeviceDisk(options, image, join(folder, "storage"));
    await use({ ...options, image });
  } finally {
    await rm(folder, { recursive: true });
  }
}

const reached = (device: Device) => device.console(/goals reached: .*root reached/, minutes(2));

const partitionMib = async (device: Device): Promise<number> =>
  Number(await device.must("cat /sys/class/block/vda2/size")) / 2048;

/** Without what the file system needs for itself. */
async function fileSystemMib(device: Device): Promise<number> {
  const [blocks = 0, blockBytes = 0] = (await device.must("stat -f -c '%b %S' /storage")).split(" ").map(Number);
  return (blocks * blockBytes) / 1024 / 1024;
}

test(
  "the storage has the whole disk after the first boot, and the next one finds nothing to do",
  async () => {
    await withDisk("first", ["PV_STORAGE_GROW=1"], async (options) => {
      await withDevice(options, async (device) => {
        await device.console([partitionGrew, storageGrew], minutes(2));
        expect(await partitionMib(device)).toBe(grownMib);
        expect(await fileSystemMib(device)).toBeGreaterThan(grownMib * 0.9);
        expect(await powerOff(device)).toBe("guest-shutdown");
        expect(await device.fsck()).toMatchObject({ clean: true });
      });
      await withDevice(options, async (device) => {
        await reached(device);
        expect(await partitionMib(device)).toBe(grownMib);
        expect(device.log).not.toMatch(/storage (partition|grew|does not)/);
        expect(await powerOff(device)).toBe("guest-shutdown");
      });
      expect(await run(["sfdisk", "--verify", options.image])).toContain("No errors detected");
    });
  },
  minutes(8),
);

test(
  "power that fails between the partition and the end of the file system's growth costs nothing",
  async () => {
    await withDisk("cut", ["PV_STORAGE_GROW=1"], async (options) => {
      await withDevice(options, async (device) => {
        await device.console(partitionGrew, minutes(2));
        await device.cutPower();
        expect(device.log).not.toMatch(storageGrew);
      });
      const copy = `${options.image}.copy`; // the device's own kernel is to replay the journal of the original
      const skip = `skip=${storageStart / (1024 * 1024)}`;
      await run(["dd", `if=${options.image}`, `of=${copy}`, "bs=1M", skip, "conv=sparse", "status=none"]);
      await run(["e2fsck", "-fp", copy], { accept: [0, 1] }); // 4: no journal could mend it
      await withDevice(options, async (device) => {
        await device.console(storageGrew, minutes(2));
        expect(device.log).not.toMatch(partitionGrew);
        expect(await powerOff(device)).toBe("guest-shutdown");
        expect(await device.fsck()).toMatchObject({ clean: true });
      });
    });
  },
  minutes(8),
);

test(
  "a device that is not told to grow leaves the disk as it is",
  async () => {
    const words = builtImages(arch) === null ? [] : ["PV_STORAGE_GROW=0"]; // a built one grows of its own
    await withDisk("off", words, (options) =>
      withDevice(options, async (device) => {
        await reached(device);
        expect(await partitionMib(device)).toBe(storageMib);
      }),
    );
  },
  minutes(4),
);
