import { dlopen } from "bun:ffi";
import { constants } from "node:fs";
import { invariant, ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { closeFd, cstr, LIBC, sys, withFd } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int unshare(int flags)    unshare(2)
  unshare: { args: ["i32"], returns: "i32" },
  // int setns(int fd, int nstype)    setns(2)
  setns: { args: ["i32", "i32"], returns: "i32" },
  // long syscall(long number, ...)    syscall(2); open_tree and move_mount have wrappers only since glibc 2.36
  syscall: { args: ["i64", "i64", "ptr", "i64", "ptr", "u64"], returns: "i64" },
});

/** CLONE_FS and CLONE_NEWNS of linux/sched.h. */
const CLONE = { fs: 0x200, mountNamespace: 0x20000 } as const;
/** The same on every architecture (asm-generic/unistd.h, arch/x86/entry/syscalls/syscall_64.tbl); Linux 5.2. */
const NUMBERS = { openTree: 428, moveMount: 429 } as const;
const AT_FDCWD = -100;
/** OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH of linux/mount.h; AT_RECURSIVE of linux/fcntl.h; O_CLOEXEC as on x86_64 and aarch64. */
const FLAGS = { clone: 0x1, recursive: 0x8000, closeOnExec: 0o2000000, emptyPath: 0x4 } as const;

export type ForeignMount = {
  /** A process in the mount namespace that has the mount. */
  readonly pid: number;
  /** Path there; symbolic links on the way are followed there, and never lead out. */
  readonly path: string;
};

/**
 * Binds what another mount namespace has at a path, with the mounts below it, onto `target` in ours. Where it is shared there, both
 * see later mounts of each other. The calling thread visits the other namespace; afterwards its working directory is "/", and its
 * own: chdir no longer moves the other threads of this process.
 */
export function bindForeignMount({ pid, path }: ForeignMount, target: string): Result<void, SysError> {
  const tree = withFd("/proc/thread-self/ns/mnt", constants.O_RDONLY, (ours) =>
    withFd(`/proc/${pid}/ns/mnt`, constants.O_RDONLY, (theirs) => {
      // A thread that shares its root and working directory with others cannot change its mount namespace.
      const alone = sys("unshare", { flags: CLONE.fs }, () => libc.unshare(CLONE.fs));
      if (!alone.ok) return alone;
      const there = enter(theirs, pid);
      if (!there.ok) return there;
      const cloned = cloneTree(path);
      const back = enter(ours, process.pid);
      invariant(back.ok, "the way back to the own mount namespace is open");
      return cloned;
    }),
  );
  if (!tree.ok) return tree;
  const moved = attachTree(tree.value, target);
  closeFd(tree.value);
  return moved;
}

const enter = (namespace: number, pid: number): Result<number, SysError> =>
  sys("setns", { pid, nstype: "mnt" }, () => libc.setns(namespace, CLONE.mountNamespace));

/** A descriptor of a copy that is mounted nowhere. */
function cloneTree(path: string): Result<number, SysError> {
  const name = cstr(path);
  const flags = BigInt(FLAGS.clone | FLAGS.recursive | FLAGS.closeOnExec);
  return sys("open_tree", { path }, () =>
    // int open_tree(int dfd, const char *path, unsigned int flags)    linux/fs/namespace.c
    Number(libc.syscall(NUMBERS.openTree, AT_FDCWD, name, flags, null, 0)),
  );
}

function attachTree(tree: number, target: string): Result<void, SysError> {
  const [empty, name] = [cstr(""), cstr(target)] as const;
  const done = sys("move_mount", { target }, () =>
    // int move_mount(int from_dfd, const char *from, int to_dfd, const char *to, unsigned int flags)    linux/fs/namespace.c
    Number(libc.syscall(NUMBERS.moveMount, tree, empty, AT_FDCWD, name, FLAGS.emptyPath)),
  );
  return done.ok ? ok(undefined) : done;
}
