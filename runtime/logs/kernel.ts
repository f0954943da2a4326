/** What following a container's files needs of Linux beyond node:fs. Belongs into `linux/` once that folder has it. */
import { dlopen } from "bun:ffi";
import { closeFd, cstr, LIBC, openFd, type SysError, sys } from "../linux/index.ts";
import type { Result } from "../result.ts";

const { symbols: libc } = dlopen(LIBC, {
  // long syscall(long number, ...)    syscall(2); glibc has no openat2
  syscall: { args: ["i64", "i64", "ptr", "ptr", "u64"], returns: "i64" },
  // int inotify_init1(int flags)    inotify_init(2)
  inotify_init1: { args: ["i32"], returns: "i32" },
  // int inotify_add_watch(int fd, const char *pathname, uint32_t mask)    inotify_add_watch(2)
  inotify_add_watch: { args: ["i32", "ptr", "u32"], returns: "i32" },
  // int inotify_rm_watch(int fd, int wd)    inotify_rm_watch(2)
  inotify_rm_watch: { args: ["i32", "i32"], returns: "i32" },
  // ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)    getxattr(2)
  fgetxattr: { args: ["i32", "ptr", "ptr", "u64"], returns: "i64" },
  // int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)    setxattr(2)
  fsetxattr: { args: ["i32", "ptr", "ptr", "u64", "i32"], returns: "i32" },
});

/** Number of openat2, the same on x86_64 and aarch64 (asm-generic/unistd.h); Linux 5.6. */
const SYS_OPENAT2 = 437n;
/** linux/openat2.h: no /proc-style links; no links at all; everything, `..` and absolute links too, stays below the folder. */
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_IN_ROOT = 0x10n;
/** asm-generic/fcntl.h; node:fs does not know O_PATH. O_DIRECTORY differs between architectures, so it comes from there. */
export const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

/** Opens `path` as a process whose root is `rootFd` would, in one step that no rename or link in there can lead out of.
 *  EXDEV, ELOOP: it tried to. ENOSYS: the kernel is older than 5.6. */
export function openInRoot(
  rootFd: number,
  path: string,
  { flags, symlinks }: { readonly flags: number; readonly symlinks: boolean },
): Result<number, SysError> {
  const name = cstr(path);
  // struct open_how { __u64 flags; __u64 mode; __u64 resolve; }    linux/openat2.h
  const how = new BigUint64Array([
    BigInt(flags | O_CLOEXEC),
    0n,
    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (symlinks ? 0n : RESOLVE_NO_SYMLINKS),
  ]);
  return sys("openat2", { path, flags }, () =>
    Number(libc.syscall(SYS_OPENAT2, BigInt(rootFd), name, how, BigInt(how.byteLength))),
  );
}

/** Opens again, for reading or writing, the file that an O_PATH descriptor stands for: the very same one. */
export const reopen = (fd: number, flags: number): Result<number, SysError> => openFd(`/proc/self/fd/${fd}`, flags);

/** inotify(7) events. */
export const IN = {
  MODIFY: 0x2,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  Q_OVERFLOW: 0x4000,
  MASK_ADD: 0x20000000,
  ONESHOT: 0x80000000,
} as const;

export interface InotifyEvent {
  /** -1 when events were lost. */
  readonly wd: number;
  readonly mask: number;
}

const IN_NONBLOCK = 0o4000;

export const openInotify = (): Result<number, SysError> =>
  sys("inotify_init1", {}, () => libc.inotify_init1(IN_NONBLOCK | O_CLOEXEC));

/** Watches the file or folder behind a descriptor, wherever it is: paths of another mount namespace mean nothing here. The
 *  descriptor may be closed afterwards; a watch does not keep a file system busy. */
export function addWatch(inotify: number, fd: number, mask: number): Result<number, SysError> {
  const path = cstr(`/proc/self/fd/${fd}`);
  return sys("inotify_add_watch", { fd, mask }, () => libc.inotify_add_watch(inotify, path, mask));
}

/** A watch that is gone already is no error: its file was removed. */
export function removeWatch(inotify: number, wd: number): void {
  libc.inotify_rm_watch(inotify, wd);
}

/** Records of inotify(7): `int wd; uint32_t mask, cookie, len; char name[len]`, host byte order (both our machines are little
 *  endian). Names are left out: what is there is looked up anew. A read gives whole records; a torn end is dropped. */
export function decodeInotify(bytes: Uint8Array): readonly InotifyEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const events: InotifyEvent[] = [];
  for (let at = 0; at + 16 <= bytes.length; at += 16 + view.getUint32(at + 12, true)) {
    events.push({ wd: view.getInt32(at, true), mask: view.getUint32(at + 4, true) });
  }
  return events;
}

/** Extended attribute that holds how far a file was read, as decimal digits; the original's loggers use it too (reference 7.6). */
const POSITION_ATTRIBUTE = "trusted.pv.logger.pos";

/** What the attribute says of a file. `unknown`: its file system cannot keep one, so it says nothing. */
export type KeptPosition =
  | { readonly kind: "at"; readonly bytes: number }
  | { readonly kind: "none" }
  | { readonly kind: "unknown" };

export function readPosition(fd: number): KeptPosition {
  const [name, value] = [cstr(POSITION_ATTRIBUTE), Buffer.alloc(32)] as const;
  const got = sys("fgetxattr", { fd }, () => Number(libc.fgetxattr(fd, name, value, BigInt(value.length))));
  if (!got.ok) return { kind: got.error.code === "ENODATA" ? "none" : "unknown" };
  const text = value.toString("latin1", 0, got.value).replace(/\0$/, "");
  return /^\d{1,15}$/.test(text) ? { kind: "at", bytes: Number(text) } : { kind: "none" };
}

/** A file system without such attributes is no error: then the position is only remembered until the next boot. */
export function writePosition(fd: number, bytes: number): void {
  const [name, value] = [cstr(POSITION_ATTRIBUTE), Buffer.from(String(bytes))] as const;
  libc.fsetxattr(fd, name, value, BigInt(value.length), 0);
}

/** Runs `use` with a descriptor that is closed afterwards. */
export function using<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeFd(fd);
  }
}
