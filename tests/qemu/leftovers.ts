/** What the kernel holds for containers: everything that has to be gone after a stop. */
import type { Device } from "./machine.ts";

export interface KernelObjects {
  /** Mount points as process 1 sees them. */
  readonly mounts: readonly string[];
  /** Files behind loop devices. */
  readonly loops: readonly string[];
  /** Names of device-mapper devices. */
  readonly mappings: readonly string[];
  /** Paths below the root of the hierarchy, without `lxc.pivot`: liblxc makes it once, as the place where monitors end. */
  readonly cgroups: readonly string[];
}

const look = `cut -d ' ' -f 5 /proc/self/mountinfo | sed 's/^/mount /'
for loop in /sys/block/loop*/loop/backing_file; do [ ! -e $loop ] || sed 's/^/loop /' $loop; done
for name in /sys/block/dm-*/dm/name; do [ ! -e $name ] || sed 's/^/mapping /' $name; done
cd /sys/fs/cgroup && find . -type d ! -name lxc.pivot | sed 's/^/cgroup /'`;

export async function kernelObjects(device: Device): Promise<KernelObjects> {
  const lines = (await device.must(look)).trim().split("\n");
  const of = (kind: string): readonly string[] =>
    lines
      .filter((line) => line.startsWith(`${kind} `))
      .map((line) => line.slice(kind.length + 1))
      .sort();
  return { mounts: of("mount"), loops: of("loop"), mappings: of("mapping"), cgroups: of("cgroup") };
}
