import { dlopen } from "bun:ffi";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int flock(int fd, int op)    flock(2)
  flock: { args: ["i32", "i32"], returns: "i32" },
});

/** Of sys/file.h. */
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * flock(2): an open file is held by this process alone, until its descriptor is closed or the process ends, however it does. Does not wait.
 * EWOULDBLOCK (EAGAIN): somebody else holds it. Binds those only who ask likewise.
 */
export function lockFile(fd: number): Result<void, SysError> {
  const done = sys("flock", { fd }, () => libc.flock(fd, LOCK_EX | LOCK_NB));
  return done.ok ? ok(undefined) : done;
}
