/** Interfaces whose packets this program carries (tun(4), Documentation/networking/tuntap.rst): one packet of IP a read, one a write. */
import { dlopen, FFIType } from "bun:ffi";
import { constants, openSync, writeSync } from "node:fs";

// int ioctl(int fd, unsigned long request, void *argument)
const libc = dlopen("libc.so.6", {
  ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
});

/** linux/if_tun.h: _IOW('T', 202, int). */
const TUNSETIFF = 0x400454ca;
/** linux/if_tun.h. */
const [IFF_TUN, IFF_NO_PI] = [0x0001, 0x1000];
/** struct ifreq: 16 bytes of name, then a union of 24 bytes that begins with `short ifr_flags`. */
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;

export interface Tun {
  write(packet: Uint8Array): void;
}

/** Makes the interface; `packet` hears each one that is sent into it. It lives as long as this process does. */
export function openTun(name: string, packet: (bytes: Uint8Array) => void): Tun {
  const fd = openSync("/dev/net/tun", constants.O_RDWR);
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name, 0, NAME_BYTES - 1, "latin1");
  request.writeInt16LE(IFF_TUN | IFF_NO_PI, NAME_BYTES);
  if (libc.symbols.ioctl(fd, TUNSETIFF, request) !== 0)
    throw new Error(`interface ${name}: /dev/net/tun refuses it; needs CAP_NET_ADMIN in this network namespace`);
  const reader = new Worker(new URL("./tun-reader.ts", import.meta.url).href);
  reader.onmessage = ({ data }: MessageEvent<Uint8Array>) => packet(data);
  reader.postMessage(fd);
  reader.unref();
  return {
    write(bytes) {
      try {
        writeSync(fd, bytes);
      } catch (thrown) {
        // The interface is down, or its namespace is gone.
        if (!["EIO", "EBADFD"].includes((thrown as NodeJS.ErrnoException).code ?? "")) throw thrown;
      }
    },
  };
}
