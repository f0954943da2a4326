import { dlopen } from "bun:ffi";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { LIBC, sys } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int sysinfo(struct sysinfo *info)    sysinfo(2)
  sysinfo: { args: ["ptr"], returns: "i32" },
});

/** `struct sysinfo`, linux/sysinfo.h, 64-bit: natural words, `procs` a u16, `mem_unit` a u32. */
export const SYSINFO = {
  sizeBytes: 112,
  uptime: 0,
  loads: 8,
  totalram: 32,
  freeram: 40,
  sharedram: 48,
  bufferram: 56,
  totalswap: 64,
  freeswap: 72,
  procs: 80,
  totalhigh: 88,
  freehigh: 96,
  memUnit: 104,
} as const;

/** Names and units are the kernel's: seconds, loads in 1/65536, memory in `mem_unit` bytes. */
export interface SystemInfo {
  readonly uptime: number;
  readonly loads: readonly [number, number, number];
  readonly totalram: number;
  readonly freeram: number;
  readonly sharedram: number;
  readonly bufferram: number;
  readonly totalswap: number;
  readonly freeswap: number;
  readonly procs: number;
  readonly totalhigh: number;
  readonly freehigh: number;
  readonly memUnit: number;
}

/** sysinfo(2). */
export function systemInfo(): Result<SystemInfo, SysError> {
  const bytes = new Uint8Array(SYSINFO.sizeBytes);
  const done = sys("sysinfo", {}, () => libc.sysinfo(bytes));
  if (!done.ok) return done;
  const view = new DataView(bytes.buffer);
  const word = (at: number): number => Number(view.getBigUint64(at, true));
  return ok({
    uptime: word(SYSINFO.uptime),
    loads: [word(SYSINFO.loads), word(SYSINFO.loads + 8), word(SYSINFO.loads + 16)],
    totalram: word(SYSINFO.totalram),
    freeram: word(SYSINFO.freeram),
    sharedram: word(SYSINFO.sharedram),
    bufferram: word(SYSINFO.bufferram),
    totalswap: word(SYSINFO.totalswap),
    freeswap: word(SYSINFO.freeswap),
    procs: view.getUint16(SYSINFO.procs, true),
    totalhigh: word(SYSINFO.totalhigh),
    freehigh: word(SYSINFO.freehigh),
    memUnit: view.getUint32(SYSINFO.memUnit, true),
  });
}
