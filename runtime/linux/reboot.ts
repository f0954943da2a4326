import { dlopen } from "bun:ffi";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // void sync(void)    sync(2)
  sync: { args: [], returns: "void" },
  // int reboot(int howto)    reboot(2), glibc's one-argument form
  reboot: { args: ["u32"], returns: "i32" },
});

/** RB_* of sys/reboot.h. */
const HOW = { restart: 0x01234567, powerOff: 0x4321fedc, halt: 0xcdef0123 } as const;
const RB_DISABLE_CAD = 0;

/** sync(2): returns when everything written so far is on its device. Blocks, for seconds on a slow card. */
export function syncAll(): void {
  libc.sync();
}

/** reboot(2): at once, without telling any process and without writing anything out. For PID 1, once all is stopped and
 *  unmounted. In a pid namespace other than the first it ends that namespace's PID 1 by a signal. EPERM: not root. */
export function rebootMachine(how: keyof typeof HOW): Result<void, SysError> {
  const done = sys("reboot", { how }, () => libc.reboot(HOW[how]));
  return done.ok ? ok(undefined) : done;
}

/** Ctrl-Alt-Del sends SIGINT to PID 1 instead of restarting at once. */
export function disableCtrlAltDel(): Result<void, SysError> {
  const done = sys("reboot", { how: "RB_DISABLE_CAD" }, () => libc.reboot(RB_DISABLE_CAD));
  return done.ok ? ok(undefined) : done;
}
