import { dlopen } from "bun:ffi";
import { err, invariant, ok, type Result } from "../result.ts";
import { refused, type SysError } from "./errno.ts";
import { cstr, LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // void sync(void)    sync(2)
  sync: { args: [], returns: "void" },
  // int reboot(int howto)    reboot(2), glibc's one-argument form
  reboot: { args: ["u32"], returns: "i32" },
  // long syscall(long number, ...)    syscall(2); reboot(2) itself: long reboot(int magic, int magic2, unsigned int op, void *arg)
  syscall: { args: ["i64", "u32", "u32", "u32", "ptr"], returns: "i64" },
});

/** RB_* of sys/reboot.h. */
const HOW = { restart: 0x01234567, powerOff: 0x4321fedc, halt: 0xcdef0123 } as const;
const RB_DISABLE_CAD = 0;

/** sync(2): returns when everything written so far is on its device. Blocks, for seconds on a slow card. */
export function syncAll(): void {
  libc.sync();
}

/** asm/unistd.h: `__NR_reboot`, which differs between the two machines. */
const NR_REBOOT = process.arch === "arm64" ? 142 : 169;
/** LINUX_REBOOT_* of linux/reboot.h. */
const MAGIC1 = 0xfee1dead;
const MAGIC2 = 672274793;
const RESTART2 = 0xa1b2c3d4;
/** The kernel's buffer has 256 bytes and cuts off what does not fit (kernel/reboot.c). */
const ARGUMENT_BYTES_MAX = 255;

/**
 * reboot(2): at once, without telling any process and without writing anything out. For PID 1, once all is stopped and
 * unmounted. In a pid namespace other than the first it ends that namespace's PID 1 by a signal. EPERM: not root. `argument`
 * is for the firmware, of at most 255 bytes, and only for `restart` (LINUX_REBOOT_CMD_RESTART2).
 */
export function rebootMachine(how: keyof typeof HOW, argument: string | null = null): Result<void, SysError> {
  if (argument !== null) {
    invariant(how === "restart", "only a restart has an argument");
    return restartWith(argument);
  }
  const done = sys("reboot", { how }, () => libc.reboot(HOW[how]));
  return done.ok ? ok(undefined) : done;
}

function restartWith(argument: string): Result<void, SysError> {
  const args = { how: "restart", argument };
  const text = cstr(argument);
  if (text.byteLength > ARGUMENT_BYTES_MAX + 1) {
    return err(refused("reboot", args, `the argument has more than ${ARGUMENT_BYTES_MAX} bytes`));
  }
  const done = sys("reboot", args, () => Number(libc.syscall(NR_REBOOT, MAGIC1, MAGIC2, RESTART2, text)));
  return done.ok ? ok(undefined) : done;
}

/** Ctrl-Alt-Del sends SIGINT to PID 1 instead of restarting at once. */
export function disableCtrlAltDel(): Result<void, SysError> {
  const done = sys("reboot", { how: "RB_DISABLE_CAD" }, () => libc.reboot(RB_DISABLE_CAD));
  return done.ok ? ok(undefined) : done;
}
