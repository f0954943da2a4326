import { dlopen } from "bun:ffi";
import { err, ok, type Result } from "../result.ts";
import { refused, type SysError } from "./errno.ts";
import { LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)    getsockopt(2)
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
});

const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** `struct tcp_info`, linux/tcp.h: it only grows at its end; `tcpi_bytes_sent` is there since Linux 4.19. */
export const TCP_INFO_FIELDS = {
  rtt: 68,
  bytesReceived: 128,
  segsOut: 136,
  segsIn: 140,
  bytesSent: 200,
} as const;
/** Up to the end of `tcpi_bytes_sent`; the kernel gives as much as there is room for. */
const BYTES = TCP_INFO_FIELDS.bytesSent + 8;

/** What a connection has carried since it was begun. */
export interface TcpUsage {
  /** Payload, what was sent once more included. */
  readonly bytesSent: number;
  /** Payload that arrived in order; what arrived twice is counted once. */
  readonly bytesReceived: number;
  /** Packets, those without payload included. */
  readonly segmentsOut: number;
  readonly segmentsIn: number;
  /** Smoothed, milliseconds; 0 before the connection is there. */
  readonly roundTripMs: number;
}

/** TCP_INFO of tcp(7), of a socket that is connected or being connected. */
export function tcpUsage(fd: number): Result<TcpUsage, SysError> {
  const bytes = new Uint8Array(BYTES);
  const length = Uint32Array.of(bytes.byteLength);
  const done = sys("getsockopt TCP_INFO", { fd }, () => libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, bytes, length));
  if (!done.ok) return done;
  if ((length[0] ?? 0) < BYTES) return err(refused("getsockopt TCP_INFO", { fd }, "the kernel is older than 4.19"));
  const view = new DataView(bytes.buffer);
  return ok({
    bytesSent: Number(view.getBigUint64(TCP_INFO_FIELDS.bytesSent, true)),
    bytesReceived: Number(view.getBigUint64(TCP_INFO_FIELDS.bytesReceived, true)),
    segmentsOut: view.getUint32(TCP_INFO_FIELDS.segsOut, true),
    segmentsIn: view.getUint32(TCP_INFO_FIELDS.segsIn, true),
    roundTripMs: view.getUint32(TCP_INFO_FIELDS.rtt, true) / 1000,
  });
}
