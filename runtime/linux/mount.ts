import { dlopen } from "bun:ffi";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { cstr, LIBC, sys, viaNode } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int mount(const char *source, const char *target, const char *fstype, unsigned long flags, const void *data)   mount(2)
  mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
  // int umount2(const char *target, int flags)    umount(2)
  umount2: { args: ["ptr", "i32"], returns: "i32" },
  // int pivot_root(const char *new_root, const char *put_old)    pivot_root(2); exported by glibc though no header has it
  pivot_root: { args: ["ptr", "ptr"], returns: "i32" },
  // int chroot(const char *path)    chroot(2)
  chroot: { args: ["ptr"], returns: "i32" },
});

/** MS_* of linux/mount.h, the same on every architecture. */
const MS = {
  ro: 1 << 0,
  nosuid: 1 << 1,
  nodev: 1 << 2,
  noexec: 1 << 3,
  sync: 1 << 4,
  remount: 1 << 5,
  dirsync: 1 << 7,
  noatime: 1 << 10,
  nodiratime: 1 << 11,
  bind: 1 << 12,
  move: 1 << 13,
  rec: 1 << 14,
  silent: 1 << 15,
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
  relatime: 1 << 21,
  strictatime: 1 << 24,
  lazytime: 1 << 25,
} as const;

/** MNT_FORCE, MNT_DETACH and UMOUNT_NOFOLLOW of linux/fs.h. */
const MNT = { force: 1, lazy: 2, noFollow: 8 } as const;

/** A mount flag by the name that mount(8) uses for it. */
export type MountFlag = keyof typeof MS;

export type MountSpec = {
  readonly source: string;
  readonly target: string;
  /** File system type; empty for a bind, move, propagation change or remount. */
  readonly type: string;
  readonly flags?: readonly MountFlag[];
  /** What the file system itself parses: "mode=755,size=10%". */
  readonly options?: string;
};

/** mount(2). */
export function mount(spec: MountSpec): Result<void, SysError> {
  const { source, target, type, flags = [], options = "" } = spec;
  const bits = flags.reduce((sum, flag) => sum | MS[flag], 0);
  const [src, dst, fstype, data] = [cstr(source), cstr(target), cstr(type), cstr(options)] as const;
  const done = sys("mount", { source, target, type, flags, options }, () =>
    libc.mount(src, dst, fstype, bits, options === "" ? null : data),
  );
  return done.ok ? ok(undefined) : done;
}

export type BindSpec = {
  readonly source: string;
  readonly target: string;
  /** Take the mounts below `source` along. */
  readonly recursive?: boolean;
  /** Flags of this one mount point, such as "ro" or "nosuid"; they do not reach mounts below it. */
  readonly flags?: readonly MountFlag[];
};

/** Binds `source` onto `target`. The kernel ignores flags on a bind itself, so they are set by a second call; when that one
 *  fails the bind is taken away again, so that nobody sees a writable mount which should have been read-only. */
export function bindMount({ source, target, recursive = false, flags = [] }: BindSpec): Result<void, SysError> {
  const bound = mount({ source, target, type: "", flags: recursive ? ["bind", "rec"] : ["bind"] });
  if (!bound.ok || flags.length === 0) return bound;
  const limited = mount({ source: "", target, type: "", flags: ["remount", "bind", ...flags] });
  if (limited.ok) return limited;
  umount(target, { lazy: true });
  return limited;
}

/** Makes the file system mounted at `target` read-only, everywhere it is mounted. EBUSY: a file on it is open for writing. */
export const remountReadOnly = (target: string): Result<void, SysError> =>
  mount({ source: "", target, type: "", flags: ["remount", "ro"] });

/** Moves a mount to another place. The mount above `source` must not be shared (EINVAL). */
export const moveMount = (source: string, target: string): Result<void, SysError> =>
  mount({ source, target, type: "", flags: ["move"] });

/** Sets how mounts and unmounts below `target` spread to its copies (mount_namespaces(7)). */
export const setPropagation = (
  target: string,
  propagation: "private" | "shared" | "slave" | "unbindable",
  { recursive = false } = {},
): Result<void, SysError> =>
  mount({ source: "", target, type: "", flags: recursive ? [propagation, "rec"] : [propagation] });

export type UmountHow = {
  /** Detach now and clean up when nobody uses it any more (MNT_DETACH). */
  readonly lazy?: boolean;
  /** Give up on a server that does not answer (MNT_FORCE). */
  readonly force?: boolean;
};

/** umount2(2); never follows a symbolic link at the end of `target`. EINVAL: nothing is mounted there. */
export function umount(target: string, { lazy = false, force = false }: UmountHow = {}): Result<void, SysError> {
  const dst = cstr(target);
  const flags = MNT.noFollow | (lazy ? MNT.lazy : 0) | (force ? MNT.force : 0);
  const done = sys("umount2", { target, lazy, force }, () => libc.umount2(dst, flags));
  return done.ok ? ok(undefined) : done;
}

/** Makes the mount at `newRoot` the root and puts the old root at `putOld`, which is below `newRoot` (both may be the same
 *  folder). The caller changes its working directory to "/" afterwards. EINVAL on the initial ramfs: use {@link switchRoot}. */
export function pivotRoot(newRoot: string, putOld: string): Result<void, SysError> {
  const [root, old] = [cstr(newRoot), cstr(putOld)] as const;
  const done = sys("pivot_root", { newRoot, putOld }, () => libc.pivot_root(root, old));
  return done.ok ? ok(undefined) : done;
}

/** Makes `newRoot` the root when the present one is the initial ramfs, which cannot be pivoted: moves it over "/", then
 *  chroots. The files of the ramfs are not deleted. */
export function switchRoot(newRoot: string): Result<void, SysError> {
  const path = cstr(".");
  const entered = viaNode("chdir", { path: newRoot }, () => process.chdir(newRoot));
  if (!entered.ok) return entered;
  const moved = moveMount(".", "/");
  if (!moved.ok) return moved;
  const rooted = sys("chroot", { path: "." }, () => libc.chroot(path));
  if (!rooted.ok) return rooted;
  process.chdir("/");
  return ok(undefined);
}
