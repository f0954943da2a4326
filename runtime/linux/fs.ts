import { dlopen } from "bun:ffi";
import { constants, statfsSync } from "node:fs";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { cstr, ioctl, LIBC, sys, viaNode, withFd } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int mknod(const char *pathname, mode_t mode, dev_t dev)    mknod(2), glibc 2.33
  mknod: { args: ["ptr", "u32", "u64"], returns: "i32" },
  // int renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags)    renameat2(2), glibc 2.28
  renameat2: { args: ["i32", "ptr", "i32", "ptr", "u32"], returns: "i32" },
  // int syncfs(int fd)    syncfs(2)
  syncfs: { args: ["i32"], returns: "i32" },
});

const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const S_IFIFO = 0o010000;

/** Of fcntl.h and linux/fs.h. */
const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;

/** _IOWR('X', 119, int) and _IOWR('X', 120, int) of linux/fs.h. */
const FIFREEZE = 0xc0045877;
const FITHAW = 0xc0045878;

/** glibc's dev_t of a device number: `gnu_dev_makedev`, sys/sysmacros.h. */
export const makeDev = (major: number, minor: number): bigint => {
  const [maj, min] = [BigInt(major), BigInt(minor)];
  return ((maj & 0xfffff000n) << 32n) | ((maj & 0xfffn) << 8n) | ((min & 0xffffff00n) << 12n) | (min & 0xffn);
};

export type NodeSpec =
  | { readonly type: "block" | "char"; readonly major: number; readonly minor: number; readonly mode: number }
  | { readonly type: "fifo"; readonly mode: number };

/** mknod(2). `mode` holds permission bits, which the umask still cuts. EEXIST: something has that name already. */
export function makeNode(path: string, spec: NodeSpec): Result<void, SysError> {
  const name = cstr(path);
  const kind = spec.type === "block" ? S_IFBLK : spec.type === "char" ? S_IFCHR : S_IFIFO;
  const dev = spec.type === "fifo" ? 0n : makeDev(spec.major, spec.minor);
  const done = sys("mknod", { path, ...spec }, () => libc.mknod(name, kind | spec.mode, dev));
  return done.ok ? ok(undefined) : done;
}

export type FileSystemSpace = {
  readonly sizeBytes: number;
  /** What root may still write. */
  readonly freeBytes: number;
  /** What others may still write: the file system's reserve is not counted. */
  readonly availableBytes: number;
  readonly inodes: number;
  readonly freeInodes: number;
  /** Magic number of the file system type (statfs(2)): 0xef53 for ext2, ext3 and ext4, 0x4d44 for vfat. */
  readonly magic: number;
};

/** statfs(2) of the file system that `path` is on. */
export function fileSystemSpace(path: string): Result<FileSystemSpace, SysError> {
  const read = viaNode("statfs", { path }, () => statfsSync(path));
  if (!read.ok) return read;
  const s = read.value;
  return ok({
    sizeBytes: s.blocks * s.bsize,
    freeBytes: s.bfree * s.bsize,
    availableBytes: s.bavail * s.bsize,
    inodes: s.files,
    freeInodes: s.ffree,
    magic: s.type,
  });
}

const onFolder = (call: string, request: number, path: string): Result<void, SysError> => {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  const done = withFd(path, flags, (fd) => ioctl(call, fd, request, 0, { path }));
  return done.ok ? ok(undefined) : done;
};

/** Writes everything out, empties the journal into the file system and holds every write until {@link thaw}. After freeze and
 *  thaw a boot loader that does not replay the journal sees what was written before. Do not log to that file system meanwhile.
 *  EBUSY: frozen already. EOPNOTSUPP: the file system cannot (tmpfs, overlay). */
export const freeze = (path: string): Result<void, SysError> => onFolder("FIFREEZE", FIFREEZE, path);

/** Ends a {@link freeze}. EINVAL: it was not frozen. */
export const thaw = (path: string): Result<void, SysError> => onFolder("FITHAW", FITHAW, path);

/**
 * Swaps what two names of one file system stand for, in one step: neither is missing at any moment, and neither inode loses its last
 * name. EINVAL: the file system cannot (vfat before Linux 6.0). ENOENT: one of them is not there.
 */
export function exchangeNames(a: string, b: string): Result<void, SysError> {
  const [first, second] = [cstr(a), cstr(b)] as const;
  const done = sys("renameat2 RENAME_EXCHANGE", { a, b }, () =>
    libc.renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE),
  );
  return done.ok ? ok(undefined) : done;
}

/** syncfs(2): everything written so far to the file system that the folder `path` is on is on its device. */
export function syncFileSystem(path: string): Result<void, SysError> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  const done = withFd(path, flags, (fd) => sys("syncfs", { path }, () => libc.syncfs(fd)));
  return done.ok ? ok(undefined) : done;
}
