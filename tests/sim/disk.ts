/**
 * A disk in memory that loses power. It passes the contract of `Disk` (tests/store/disk-contract.ts), and forgets what a real one may.
 *
 * What is injected
 * - Power goes before, in the middle of or after any primitive, and the machine starts again on what survived.
 * - Bytes of a file that were not fsynced are missing, zero, there, or torn: sectors of 512 bytes each written, zero or garbage, at any
 *   length up to the file's. A file that was renamed into place before its fsync may so be empty or full of zeros.
 * - Names (create, link, rename, exchange, unlink, mkdir, rmdir, symlink) whose folder was not fsynced are kept or lost, each call whole.
 *   `ordered`: a prefix of the calls survives, as in the journal of ext4. `reordered`: any subset, in which only the changes of one name
 *   keep their order. fsync of a file makes its bytes durable and nothing else: that ext4 commits names along with it, and replaces by
 *   rename only after the data (auto_da_alloc), is luck of which our code must not depend.
 * - A boot loader reads ext4 without its journal ({@link SimulatedDisk.loaderRead}): it finds what was there when the file system was last
 *   settled, and of each later name that survived any version. An inode made since then may be unknown, empty or right, for its bytes
 *   are at home once fsynced, but its block in the inode table is not. An inode whose last name was removed since then may be right,
 *   empty, or have somebody else's bytes, for its blocks are free.
 * - Any primitive fails with ENOSPC (those that write) or EIO, at any time; a disk has a capacity. A write that fails has written some
 *   of its bytes. After a failed fsync nothing is promised of that file any more, whatever a later fsync says, as on Linux.
 *
 * What is not, because nobody could survive it, or another layer must
 * - Durable bytes that change or go bad: rotten objects are tested in tests/store.
 * - A torn block of a folder or of the inode table: their journal heals it, and who reads without the journal has no defence; a rename
 *   of which one half survives, which FAT may do.
 * - A medium that says it has flushed and has not. A file system that stays broken after a power cut.
 * - What was never promised: that a call which was cut off did nothing, or that it did all.
 */
import type { Disk } from "../../runtime/store/index.ts";
import type { Order } from "./journal.ts";
import { type Device, mounted } from "./port.ts";
import type { Power } from "./power.ts";
import type { Rng } from "./rng.ts";
import { copyOf, type FolderNode, type Node, walk } from "./tree.ts";
import { Volume } from "./volume.ts";

/** Contents of a disk to begin others with. Opaque. */
export interface DiskImage {
  readonly root: FolderNode;
}

export interface DiskOptions {
  /** `ext4` (default), or `vfat`: no links, no journal that a loader could miss, changes of names in any order. */
  readonly fileSystem?: "ext4" | "vfat";
  /** Default on ext4: drawn, one as likely as the other. */
  readonly order?: Order;
  /** Room for the bytes of files; names take none. Default 1 GiB. */
  readonly capacityBytes?: number;
  /** Whether it knows `exchange`; default true. */
  readonly exchange?: boolean;
  /** Where it is mounted, an absolute path: that folder is there. Paths stay whole, see mounts.ts. Default "/". */
  readonly at?: string;
  /** Default: nothing. */
  readonly contents?: DiskImage;
}

export interface SimulatedDisk {
  /** The disk for one boot; each boot needs its own. What survived the last cut is what it finds. */
  mount(): Disk;
  /** After a cut and before the next mount: the whole file as a boot loader reads it, null if it finds none. Not counted as a call. */
  loaderRead(path: string): Uint8Array | null;
  /** For oracles, not counted: the bytes of a file as calls see them now, or as they survived the cut. Null: no such file. */
  peek(path: string): Uint8Array | null;
  /** For oracles: every file by path as text, every symbolic link as `-> target`, folders with a slash at the end. */
  contents(): Record<string, string>;
  /** The contents now, as if settled. */
  image(): DiskImage;
}

const GIB = 2 ** 30;
/** Any will do, as long as the disks of one machine differ. */
let devices = 0n;

export function simulatedDisk(rng: Rng, power: Power, options: DiskOptions = {}): SimulatedDisk {
  const { fileSystem = "ext4", capacityBytes = GIB, exchange = true, at = "/", contents } = options;
  const order = options.order ?? (fileSystem === "vfat" ? "reordered" : rng.pick(["ordered", "reordered"] as const));
  const volume = new Volume(rng, order, fileSystem === "vfat", contents?.root ?? null, at);
  devices += 1n;
  const device: Device = { id: devices, capacityBytes, links: fileSystem !== "vfat", exchange };
  let boot = power.boot;
  const off = (): void => {
    if (boot !== power.boot) volume.fail();
  };
  return {
    mount: () => {
      off();
      if (boot !== power.boot) volume.recover();
      boot = power.boot;
      return mounted(rng, power, volume, device);
    },
    loaderRead: (path) => {
      off();
      return volume.readWithoutJournal(path);
    },
    peek: (path) => {
      off();
      return volume.peek(path);
    },
    contents: () => {
      off();
      return Object.fromEntries([...walk(volume.root)].map(([path, node]) => shown(path, node)));
    },
    image: () => {
      off();
      return { root: copyOf(volume.root) };
    },
  };
}

const decoder = new TextDecoder();

function shown(path: string, node: Node): readonly [string, string] {
  if (node.type === "folder") return [`${path}/`, ""];
  return [path, node.type === "file" ? decoder.decode(node.bytes) : `-> ${node.target}`];
}
