import { readFileSync, statSync, writeFileSync } from "node:fs";
import { bringUp, CGROUP_ROOT, disableCtrlAltDel, enableControllers, explainSys, readText } from "../linux/index.ts";
import type { Logger } from "../logs/index.ts";
import { type SysctlSetting, sysctlPath } from "./config/index.ts";

/** Seconds from a kernel panic to the reboot, when nobody set any. */
const panicSeconds = "2";

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function write(path: string, value: string, log: Logger): void {
  try {
    writeFileSync(path, value);
  } catch (cause) {
    log.warn(`${path} does not take "${value}": ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/**
 * Sets kernel parameters, in their order; one that the kernel does not take is a warning. Whatever they say, a panic reboots: a dead
 * runtime that nothing restarts is a dead device.
 */
export function writeSysctls(sysctls: readonly SysctlSetting[], log: Logger): void {
  for (const { key, value } of sysctls) write(sysctlPath(key, isFolder), value, log);
  if (readFileSync("/proc/sys/kernel/panic", "utf8").trim() !== "0") return;
  log.warn(`the boot loader set no panic=: a dead runtime reboots after ${panicSeconds} s all the same`);
  write("/proc/sys/kernel/panic", panicSeconds, log);
}

/** What PID 1 tells the kernel once: settings of the configuration, what a panic does, its host name, who gets
 *  Ctrl-Alt-Del, cgroups, loopback. */
export function settleKernel(sysctls: readonly SysctlSetting[], log: Logger): void {
  writeSysctls(sysctls, log);
  const hostname = readText("/etc/hostname");
  if (hostname.ok && hostname.value.trim() !== "") write("/proc/sys/kernel/hostname", hostname.value.trim(), log);
  const cad = disableCtrlAltDel();
  if (!cad.ok) log.warn(explainSys(cad.error));
  const controllers = enableControllers(CGROUP_ROOT, ["cpu", "io", "memory", "pids", "cpuset"]);
  if (!controllers.ok) log.warn(explainSys(controllers.error));
  const loopback = bringUp("lo");
  if (!loopback.ok) log.warn(explainSys(loopback.error));
}
