/** The base system of the QEMU boards (`bsp/rootfs.squashfs`, or `.erofs`): Cairn, liblxc, BusyBox. A stand-in for the Buildroot one. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { triplet } from "./debian.ts";
import { packErofs } from "./erofs.ts";
import { type Arch, cached, repository } from "./host.ts";
import { kernel } from "./kernel.ts";
import { squashfs, type TreeSpec, treeFolder } from "./tree.ts";

export interface BaseOptions {
  /** The runtime's binary; `dist/cairn-<arch>` unless told, none where `init` takes its place. */
  readonly cairn?: string;
  /** Starts as process 1 instead of Cairn: the text of a shell script. For tests of the first stage and for the bench's peer. */
  readonly init?: string;
  /** With an SSH server that debug access can start. */
  readonly ssh?: boolean;
  /** Packed as small as for a real device, which takes ten times as long. */
  readonly compact?: boolean;
  /** What it is packed as: squashfs unless told, or what Buildroot made. */
  readonly format?: "squashfs" | "erofs";
  /** Files to add or to replace, e.g. `/etc/pantavisor.config`. */
  readonly files?: Readonly<Record<string, string>>;
}

// Mount points that a read-only root has to bring along. Cairn puts a tmpfs on run, tmp, var, volumes, configs, exports and media.
const mountPoints = [
  ..."dev proc sys run tmp var storage volumes configs exports writable media mnt root".split(" "),
  ..."usr/lib/firmware etc/cairn etc/pantavisor/defaults".split(" "),
];

/** Path of the packed base system. Cached. */
export async function baseSystem(arch: Arch, options: BaseOptions = {}): Promise<string> {
  const { release } = await kernel(arch);
  const cairn = options.cairn ?? (options.init === undefined ? join(repository, "dist", `cairn-${arch}`) : undefined);
  if (cairn !== undefined && !existsSync(cairn)) throw new Error(`${cairn} is missing: run "make binary" first`);
  const spec: TreeSpec = {
    arch,
    packages: ["liblxc1", "lxc", ...(options.ssh === true ? ["dropbear-bin"] : [])],
    // liblxc's lxc.rootfs.mount default; the tools are for whoever looks into a device, and for the bench's peer.
    pick: [
      `/usr/lib/${triplet(arch)}/liblxc.so.1`,
      `/usr/lib/${triplet(arch)}/lxc/rootfs`,
      ...["start", "stop", "info", "ls", "attach"].map((tool) => `/usr/bin/lxc-${tool}`),
      ...(options.ssh === true ? ["/usr/sbin/dropbear", "/usr/bin/dropbearkey"] : []),
    ],
    busybox: true,
    folders: [...mountPoints, `usr/lib/modules/${release}`],
    copies: cairn === undefined ? {} : { "usr/bin/cairn": cairn },
    files: {
      "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
      "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
      "/etc/hostname": "cairn\n",
      "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
      "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
      "/etc/os-release": 'ID=cairn\nPRETTY_NAME="Cairn, QEMU board"\n',
      "/etc/lxc/default.conf": "lxc.net.0.type = none\n",
      "/etc/pantavisor.config": "# Everything is at its default; what the board needs is on the kernel command line.\n",
      ...(options.init === undefined ? {} : { "/usr/sbin/init": options.init }),
      ...options.files,
    },
    // The root is read-only and name servers come and go: what containers see as /etc/resolv.conf lives in /run.
    links: {
      "/etc/resolv.conf": "/run/resolv.conf",
      "/etc/mtab": "/proc/self/mounts",
      ...(options.init === undefined ? { "/usr/sbin/init": "/usr/bin/cairn" } : {}),
    },
  };
  if (options.format === "erofs") {
    const tree = await treeFolder(`base-${arch}`, spec);
    const made = await cached(`erofs/base-${arch}`, ["erofs 1", tree], (scratch) =>
      packErofs(tree, join(scratch, "image.erofs")),
    );
    return join(made, "image.erofs");
  }
  return squashfs(`base-${arch}`, spec, { blockBytes: 128 * 1024, level: options.compact === true ? 15 : 3 });
}
