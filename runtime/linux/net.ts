import { dlopen } from "bun:ffi";
import { err, ok, type Result } from "../result.ts";
import { refused, type SysError } from "./errno.ts";
import { closeFd, ioctl, LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int socket(int domain, int type, int protocol)    socket(2)
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
});

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
/** linux/sockios.h and linux/if.h. */
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

/** `struct ifreq`, linux/if.h, 64-bit: name (16 bytes), then a union whose `ifr_flags` is a short. */
const IFREQ = { sizeBytes: 40, name: 0, flags: 16 } as const;
const IFNAMSIZ = 16;

/** Brings a network interface up, such as "lo" in a fresh network namespace. ENODEV: there is none of that name. */
export function bringUp(name: string): Result<void, SysError> {
  if (Buffer.byteLength(name) >= IFNAMSIZ)
    return err(refused("ioctl SIOCSIFFLAGS", { name }, "an interface name has at most 15 bytes"));
  const socket = sys("socket", { name }, () => libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.ok) return socket;
  try {
    const request = new Uint8Array(IFREQ.sizeBytes);
    request.set(Buffer.from(name), IFREQ.name);
    const read = ioctl("SIOCGIFFLAGS", socket.value, SIOCGIFFLAGS, request, { name });
    if (!read.ok) return read;
    const view = new DataView(request.buffer);
    view.setInt16(IFREQ.flags, view.getInt16(IFREQ.flags, true) | IFF_UP, true);
    const done = ioctl("SIOCSIFFLAGS", socket.value, SIOCSIFFLAGS, request, { name });
    return done.ok ? ok(undefined) : done;
  } finally {
    closeFd(socket.value);
  }
}
