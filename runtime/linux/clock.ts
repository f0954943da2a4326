import { dlopen } from "bun:ffi";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int clock_settime(clockid_t clockid, const struct timespec *tp)    clock_settime(2)
  clock_settime: { args: ["i32", "ptr"], returns: "i32" },
});

const CLOCK_REALTIME = 0;

/** Sets the clock of the machine to so many milliseconds since 1970; timers do not notice. EPERM: not root. */
export function setSystemClock(ms: number): Result<void, SysError> {
  // struct timespec, 64-bit: time_t tv_sec, long tv_nsec
  const time = BigInt64Array.of(BigInt(Math.floor(ms / 1000)), BigInt(Math.floor(ms % 1000)) * 1_000_000n);
  const set = sys("clock_settime", { ms }, () => libc.clock_settime(CLOCK_REALTIME, time));
  return set.ok ? ok(undefined) : set;
}
