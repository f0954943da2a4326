import { dlopen } from "bun:ffi";
import type { Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int fcntl(int fd, int op, int arg)    fcntl(2); variadic, passed like a plain integer on both ABIs
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
});

/** linux/fcntl.h. */
const F_DUPFD_CLOEXEC = 1030;

/** Another descriptor of what `fd` is one of, close-on-exec. It stays open for as long as one of them is. */
export const duplicate = (fd: number): Result<number, SysError> =>
  sys("fcntl F_DUPFD_CLOEXEC", { fd }, () => libc.fcntl(fd, F_DUPFD_CLOEXEC, 0));
