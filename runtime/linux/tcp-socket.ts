import { dlopen } from "bun:ffi";
import { isIP } from "node:net";
import { err, ok, type Result } from "../result.ts";
import { refused, type SysError } from "./errno.ts";
import { cstr, LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int socket(int domain, int type, int protocol)    socket(2)
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)    connect(2); the kernel copies `addr`
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  // int inet_pton(int af, const char *src, void *dst)    inet_pton(3); 1: `dst` has 4 or 16 bytes more
  inet_pton: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  // unsigned int if_nametoindex(const char *ifname)    if_nametoindex(3); 0: there is none
  if_nametoindex: { args: ["ptr"], returns: "u32" },
});

/** linux/socket.h and linux/net.h; the flags are O_NONBLOCK and O_CLOEXEC, which both architectures have the same. */
export const [AF_INET, AF_INET6] = [2, 10];
export const [SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC] = [1, 0o4000, 0o2000000];

/** `struct sockaddr_in` (ip(7)) and `struct sockaddr_in6` (ipv6(7)): family as the machine has it, port as the network has it. */
export const SOCKADDR_IN = { sizeBytes: 16, port: 2, address: 4 } as const;
export const SOCKADDR_IN6 = { sizeBytes: 28, port: 2, address: 8, scope: 24 } as const;

/** An IP address as text, IPv6 without brackets and with its zone where it has one (RFC 4007 section 11: `fe80::1%eth0`). */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Null: that is no IP address, or one of a zone that this machine does not have. */
export function socketAddress({ address, port }: Endpoint): Uint8Array | null {
  const [text = "", zone] = address.split("%");
  const six = isIP(text) === 6;
  if (!six && (isIP(text) !== 4 || zone !== undefined)) return null;
  const layout = six ? SOCKADDR_IN6 : SOCKADDR_IN;
  const bytes = new Uint8Array(layout.sizeBytes);
  const view = new DataView(bytes.buffer);
  const family = six ? AF_INET6 : AF_INET;
  view.setUint16(0, family, true);
  view.setUint16(layout.port, port, false);
  const source = cstr(text);
  if (libc.inet_pton(family, source, bytes.subarray(layout.address)) !== 1) return null;
  if (zone === undefined) return bytes;
  const name = cstr(zone);
  const index = /^\d+$/.test(zone) ? Number(zone) : libc.if_nametoindex(name);
  if (index === 0) return null;
  view.setUint32(SOCKADDR_IN6.scope, index, true);
  return bytes;
}

/** A TCP socket that waits for nothing, close-on-exec, connected to nobody yet: what is set now holds from the first packet on. */
export function openTcp({ address }: Pick<Endpoint, "address">): Result<number, SysError> {
  const family = address.includes(":") ? AF_INET6 : AF_INET;
  return sys("socket", { address }, () => libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/** Begins to connect. What comes of it is seen when the socket can be written to, or has an error. */
export function beginConnect(fd: number, to: Endpoint): Result<void, SysError> {
  const args = { fd, address: to.address, port: to.port };
  const address = socketAddress(to);
  if (address === null) return err(refused("connect", args, "that is no address that this machine can reach"));
  const done = sys("connect", args, () => libc.connect(fd, address, address.byteLength));
  return done.ok || done.error.code === "EINPROGRESS" ? ok(undefined) : done;
}
