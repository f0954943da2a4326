import { dlopen } from "bun:ffi";
import type { Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)    setsockopt(2)
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
});

/** asm-generic/socket.h. */
const [SOL_SOCKET, SO_RCVBUF] = [1, 8];

/**
 * SO_RCVBUF of socket(7): the kernel doubles it, for what it needs itself, and takes no more bytes that nobody has read. TCP never offers a
 * larger window than that, nor a smaller one than it has offered before: to bound all that comes, bound it before the connection is made.
 */
export function boundReceiveBuffer(fd: number, bytes: number): Result<void, SysError> {
  const value = Uint32Array.of(bytes);
  const done = sys("setsockopt SO_RCVBUF", { fd, bytes }, () =>
    libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, value.byteLength),
  );
  return done.ok ? { ok: true, value: undefined } : done;
}
