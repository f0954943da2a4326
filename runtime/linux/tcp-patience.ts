import { dlopen } from "bun:ffi";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)    setsockopt(2)
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
});

const IPPROTO_TCP = 6;
/** linux/tcp.h; the second one is there since Linux 6.15. */
const [TCP_USER_TIMEOUT, TCP_RTO_MAX_MS] = [18, 44];

export interface TcpPatience {
  /** How long a connection that does not get through is kept. Milliseconds, up to 2^32 - 1. */
  readonly keptMs: number;
  /** How long it waits at most until it tries again; the kernel's own is 120,000. Milliseconds, 1,000 to 120,000. */
  readonly retryMs: number;
}

/**
 * What a connection does while the network is away: TCP_USER_TIMEOUT of tcp(7), and TCP_RTO_MAX_MS (Documentation/networking/ip-sysctl.rst,
 * tcp_rto_max_ms). A kernel that does not know the second one takes longer to see that the network is back.
 */
export function setTcpPatience(fd: number, { keptMs, retryMs }: TcpPatience): Result<void, SysError> {
  const set = (name: string, option: number, value: number): Result<number, SysError> =>
    sys(`setsockopt ${name}`, { fd, value }, () => {
      const bytes = Uint32Array.of(value);
      return libc.setsockopt(fd, IPPROTO_TCP, option, bytes, bytes.byteLength);
    });
  const kept = set("TCP_USER_TIMEOUT", TCP_USER_TIMEOUT, keptMs);
  if (!kept.ok) return kept;
  const retry = set("TCP_RTO_MAX_MS", TCP_RTO_MAX_MS, retryMs);
  return retry.ok || retry.error.code === "ENOPROTOOPT" ? ok(undefined) : retry;
}
