import { constants, writeSync } from "node:fs";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { closeFd, ioctl, openFd, viaNode } from "./libc.ts";

/** Requests of linux/watchdog.h: _IOR('W', …) and, for the timeout, _IOWR. */
const WDIOC_GETSUPPORT = 0x80285700;
const WDIOC_KEEPALIVE = 0x80045705;
const WDIOC_SETTIMEOUT = 0xc0045706;
const WDIOC_GETTIMEOUT = 0x80045707;

/** `struct watchdog_info`: offset of each field; 40 bytes on x86_64 and aarch64. */
const WATCHDOG_INFO = { sizeBytes: 40, options: 0, firmware: 4, identity: 8 } as const;
const WDIOF_MAGICCLOSE = 0x0100;

export type Watchdog = {
  readonly path: string;
  /** The driver's name for itself, such as "i6300ESB timer". */
  readonly identity: string;
  /** What the hardware made of the wish: some round, some know one value only and refuse all others. */
  readonly timeoutMs: number;
  /** Whether {@link Watchdog.disarm} really stops it. Not so with a driver without magic close or a kernel with nowayout. */
  readonly canDisarm: boolean;
  /** Starts the countdown again. */
  kick(): Result<void, SysError>;
  /** Stops the countdown ("V", then close) where the driver can; otherwise it goes on and will reset the machine. */
  disarm(): Result<void, SysError>;
};

/** Decodes `struct watchdog_info`. */
export function decodeWatchdogInfo(bytes: Uint8Array): { readonly identity: string; readonly magicClose: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, WATCHDOG_INFO.sizeBytes);
  const name = Buffer.from(bytes.subarray(WATCHDOG_INFO.identity, WATCHDOG_INFO.sizeBytes)).toString("latin1");
  return {
    identity: name.split("\0", 1)[0] ?? "",
    magicClose: (view.getUint32(WATCHDOG_INFO.options, true) & WDIOF_MAGICCLOSE) !== 0,
  };
}

/** Opens a watchdog device, which starts its countdown, and sets the timeout (rounded up to whole seconds).
 *  Errors: ENOENT when the kernel has no driver for the board's watchdog, EBUSY when another process holds it. */
export function openWatchdog(path: string, timeoutMs: number): Result<Watchdog, SysError> {
  const opened = openFd(path, constants.O_WRONLY);
  if (!opened.ok) return opened;
  const fd = opened.value;
  const info = new Uint8Array(WATCHDOG_INFO.sizeBytes);
  const support = ioctl("WDIOC_GETSUPPORT", fd, WDIOC_GETSUPPORT, info, { path });
  const { identity, magicClose } = support.ok ? decodeWatchdogInfo(info) : { identity: "unknown", magicClose: false };
  const seconds = new Uint8Array(4); // int
  new DataView(seconds.buffer).setInt32(0, Math.ceil(timeoutMs / 1000), true);
  const set = ioctl("WDIOC_SETTIMEOUT", fd, WDIOC_SETTIMEOUT, seconds, { path, timeoutMs });
  const disarm = (): Result<void, SysError> => {
    const magic = viaNode("write", { path, value: "V" }, () => writeSync(fd, "V"));
    closeFd(fd);
    return magic.ok ? ok(undefined) : magic;
  };
  if (!set.ok && !ioctl("WDIOC_GETTIMEOUT", fd, WDIOC_GETTIMEOUT, seconds, { path }).ok) {
    disarm(); // a countdown of unknown length that nobody would kick
    return set;
  }
  return ok({
    path,
    identity,
    timeoutMs: new DataView(seconds.buffer).getInt32(0, true) * 1000, // the driver has written what it took
    canDisarm: magicClose,
    kick: () => {
      const kicked = ioctl("WDIOC_KEEPALIVE", fd, WDIOC_KEEPALIVE, 0, { path });
      return kicked.ok ? ok(undefined) : kicked;
    },
    disarm,
  });
}
