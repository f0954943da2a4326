import { constants, fstatSync, readFileSync, readlinkSync } from "node:fs";
import { closeFd, type MountEntry, openFd, parseMountinfo, readText } from "../linux/index.ts";
import { err, ok, type Result } from "../result.ts";
import { O_PATH, openInRoot } from "./kernel.ts";

/**
 * Opening a file that a container names. The container may be hostile: it may put links, FIFOs, devices, other mounts at that path
 * and swap them while we look. So the kernel resolves the whole path in one call, with the container's root as root (openat2,
 * RESOLVE_IN_ROOT); what came out is looked at through a descriptor that cannot do anything yet (O_PATH); and only that very file
 * is then opened. Walking by node:fs, component by component, could not be made safe: between two looks a folder can be replaced
 * by a link, and node:fs has no call that starts at a folder's descriptor.
 */

/** A container's init, held against reuse of its number. */
export interface ContainerInit {
  readonly pid: number;
  /** `mnt:[inode]` as seen when the container was attached. */
  readonly mountNamespace: string;
}

export type OpenRefusal =
  /** The container has ended, or is another one by now. */
  | { readonly kind: "gone" }
  | { readonly kind: "missing" }
  | { readonly kind: "notRegular" }
  /** On a file system where reading can have effects or wait for somebody: procfs, FUSE, NFS. */
  | { readonly kind: "fileSystem"; readonly type: string }
  | { readonly kind: "unreadable"; readonly why: string };

export function explainRefusal(e: OpenRefusal): string {
  switch (e.kind) {
    case "gone":
      return "the container has ended";
    case "missing":
      return "it is not there";
    case "notRegular":
      return "it is not a regular file";
    case "fileSystem":
      return `it is on ${e.type}: only files on local disks and in memory are followed`;
    case "unreadable":
      return e.why;
  }
}

/** File systems whose files are bytes and nothing else, and never wait for another machine or process. */
const PLAIN = new Set(
  "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs iso9660 jffs2 overlay ramfs squashfs tmpfs ubifs vfat xfs".split(" "),
);
/** Looking up a name in these does not wait either, but their files are not logs. */
const VIRTUAL = new Set(
  "bpf binfmt_misc cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nsfs proc pstore securityfs sysfs tracefs".split(
    " ",
  ),
);

const TRIES_MAX = 3;
/** About 10,000 mounts. Reading a table that a container blows up further would hold up the main loop. */
const MOUNT_TABLE_CHARS_MAX = 1 << 20;

export function identify(pid: number): ContainerInit | null {
  try {
    return { pid, mountNamespace: readlinkSync(`/proc/${pid}/ns/mnt`) };
  } catch {
    return null;
  }
}

const below = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`) || folder === "/";

/** May the path be looked up at all? A look-up in a mount of FUSE or NFS can hang for ever, and PID 1 with it. With such a mount
 *  around, links are not followed, so that the path as written decides; without, they may lead anywhere in the container. */
function lookupPolicy(mounts: readonly MountEntry[], path: string): Result<{ symlinks: boolean }, OpenRefusal> {
  const slow = mounts.filter(({ type }) => !PLAIN.has(type) && !VIRTUAL.has(type));
  const hit = slow.find(({ target }) => below(path, target));
  return hit === undefined ? ok({ symlinks: slow.length === 0 }) : err({ kind: "fileSystem", type: hit.type });
}

const mountIdOf = (fd: number): number =>
  Number(/^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? -1);

/** A container's root folder and mounts, for the time of one look. */
export interface RootView {
  /** A descriptor of the regular file at `path`, opened for nothing yet; hand it to `reopen`. */
  find(path: string): Result<number, OpenRefusal>;
  /** A descriptor of the deepest folder on the way to `path` that exists: what has to be watched to learn that something else is
   *  at `path` now. */
  nearestFolder(path: string): number | null;
}

/** Runs `use` on the container's root as it is now. Every descriptor made on the way is closed afterwards, except those given out. */
export function withRoot<T>(init: ContainerInit, use: (root: RootView) => T): Result<T, OpenRefusal> {
  const root = openFd(`/proc/${init.pid}/root`, O_PATH | constants.O_DIRECTORY);
  if (!root.ok) return err({ kind: "gone" });
  try {
    const text = readText(`/proc/${init.pid}/mountinfo`);
    // read after the root was opened: if the number was given to another process in between, this is not the same any more
    if (!text.ok || identify(init.pid)?.mountNamespace !== init.mountNamespace) return err({ kind: "gone" });
    const mounts = text.value.length > MOUNT_TABLE_CHARS_MAX ? null : parseMountinfo(text.value);
    if (mounts === null || !mounts.ok)
      return err({ kind: "unreadable", why: "its container's mount table is not readable or too long" });
    return ok(
      use({
        find: (path) => find(root.value, mounts.value, path),
        nearestFolder: (path) => nearest(root.value, mounts.value, path),
      }),
    );
  } finally {
    closeFd(root.value);
  }
}

function find(root: number, mounts: readonly MountEntry[], path: string): Result<number, OpenRefusal> {
  const policy = lookupPolicy(mounts, path);
  if (!policy.ok) return policy;
  const how = { flags: O_PATH, symlinks: policy.value.symlinks };
  let found = openInRoot(root, path, how);
  // EAGAIN: something was renamed or mounted meanwhile (openat2(2)); a container that never stops doing so is not worth waiting for
  for (let tries = 1; !found.ok && found.error.code === "EAGAIN" && tries < TRIES_MAX; tries++)
    found = openInRoot(root, path, how);
  if (!found.ok) {
    const missing = ["ENOENT", "ENOTDIR", "EAGAIN"].includes(found.error.code);
    return err(missing ? { kind: "missing" } : { kind: "unreadable", why: `it cannot be opened: ${found.error.code}` });
  }
  const id = mountIdOf(found.value);
  const type = mounts.find((mount) => mount.id === id)?.type ?? "an unknown file system";
  const refusal: OpenRefusal | null = !PLAIN.has(type)
    ? { kind: "fileSystem", type }
    : fstatSync(found.value).isFile()
      ? null
      : { kind: "notRegular" };
  if (refusal === null) return ok(found.value);
  closeFd(found.value);
  return err(refusal);
}

function nearest(root: number, mounts: readonly MountEntry[], path: string): number | null {
  const names = path.split("/").slice(1);
  for (let depth = names.length - 1; depth >= 0; depth--) {
    const folder = `/${names.slice(0, depth).join("/")}`;
    const policy = lookupPolicy(mounts, folder);
    if (!policy.ok) return null;
    const found = openInRoot(root, folder, { flags: O_PATH | constants.O_DIRECTORY, symlinks: policy.value.symlinks });
    if (found.ok) return found.value;
  }
  return null;
}
