import { mkdirSync } from "node:fs";
import { privateDir } from "../containers/index.ts";
import {
  explainLinux,
  type MountSpec,
  mount,
  partitionsBeside,
  readMountinfo,
  type SysError,
  type UmountHow,
  umount,
  viaNode,
} from "../linux/index.ts";
import {
  type BootPartition,
  explainLoader,
  type LoaderError,
  type LoaderPorts,
  type Mountable,
  openArea,
} from "../loader/index.ts";
import { err, ok, type Result } from "../result.ts";

/** Where boot partitions are mounted while somebody reads or writes them. */
const FOLDER = `${privateDir}/boot`;
/** Reference 6.4: `autoboot.txt`, and the two boot images. */
const SELECTOR = 1;
const IMAGES = [2, 3] as const;

/** mount(2) and umount2(2), or what stands in for them. */
export interface Mounting {
  mount(spec: MountSpec): Result<void, SysError>;
  umount(target: string, how?: UmountHow): Result<void, SysError>;
}

/** The FAT file system on `device`, mounted at `folder` while it is used. */
export function mountable(device: string, folder: string, mounting: Mounting = { mount, umount }): Mountable {
  const failed = (error: SysError): Result<never, LoaderError> =>
    err({ kind: "mount", path: device, problem: explainLinux(error) });
  return {
    async mounted(use) {
      const made = viaNode("mkdir", { path: folder }, () => mkdirSync(folder, { recursive: true }));
      if (!made.ok) return failed(made.error);
      const flags = ["nosuid", "nodev", "noexec", "noatime"] as const;
      const mounted = mounting.mount({ source: device, target: folder, type: "vfat", flags });
      if (!mounted.ok) return failed(mounted.error);
      const release = (): Result<void, SysError> => {
        const gone = mounting.umount(folder);
        // Nobody may mount over it the next time; whoever still has a file open there keeps it to himself.
        if (!gone.ok) mounting.umount(folder, { lazy: true });
        return gone;
      };
      let used: Awaited<ReturnType<typeof use>>;
      try {
        used = await use(folder);
      } catch (thrown) {
        release();
        throw thrown;
      }
      const gone = release();
      return used.ok && !gone.ok ? failed(gone.error) : used;
    },
  };
}

/** The boot partitions of a Raspberry Pi: those of the disk whose data partition is mounted at `storage`. The error is for people. */
export async function openBootPartitions(storage: string): Promise<Result<NonNullable<LoaderPorts["rpi"]>, string>> {
  const mounts = readMountinfo();
  if (!mounts.ok) return err(explainLinux(mounts.error));
  const mounted = mounts.value.findLast(({ target }) => target === storage);
  if (mounted === undefined)
    return err(`nothing is mounted at ${storage}, so the disk with the boot partitions is not known`);
  const found = partitionsBeside(mounted);
  if (!found.ok) return err(explainLinux(found.error));
  const deviceOf = (number: number): Result<string, string> => {
    const device = found.value.get(number);
    return device === undefined
      ? err(
          `the disk of ${mounted.source} has no partition ${number}: a Raspberry Pi's has autoboot.txt on 1 and boot images on 2 and 3`,
        )
      : ok(device);
  };
  const imageOn = async (number: number): Promise<Result<BootPartition, string>> => {
    const device = deviceOf(number);
    if (!device.ok) return device;
    const area = await openArea(device.value, 0, null);
    if (!area.ok) return err(explainLoader({ kind: "disk", error: area.error }));
    return ok({ number, area: area.value, ...mountable(device.value, `${FOLDER}/${number}`) });
  };
  const selector = deviceOf(SELECTOR);
  if (!selector.ok) return selector;
  const [first, second] = [await imageOn(IMAGES[0]), await imageOn(IMAGES[1])];
  if (!first.ok) return first;
  if (!second.ok) return second;
  return ok({
    selector: mountable(selector.value, `${FOLDER}/${SELECTOR}`),
    partitions: [first.value, second.value],
  });
}
