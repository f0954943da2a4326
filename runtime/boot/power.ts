import { readdirSync } from "node:fs";
import type { PowerAction } from "../control/index.ts";
import {
  explainLinux,
  type MountEntry,
  readMountinfo,
  readPidStat,
  rebootMachine,
  remountReadOnly,
  syncAll,
  umount,
} from "../linux/index.ts";

/** Mounts the kernel keeps for itself or that hold no data: unmounting them gains nothing and costs us our eyes. */
const keptTypes = new Set([
  "proc",
  "sysfs",
  "devtmpfs",
  "devpts",
  "cgroup2",
  "tmpfs",
  "pstore",
  "securityfs",
  "rootfs",
]);

/** From SIGTERM to SIGKILL, and after that for the kernel to finish. */
const graceMs = 2_000;
const checkMs = 20;

/** Whether a process other than us may have files open; while one has, what they are on stays busy. What the kernel says of it is not in
 *  its own memory: who serves that memory (userfaultfd(2), FUSE) would decide when we get to read it. */
function othersRun(): boolean {
  return readdirSync("/proc").some((name) => {
    if (!/^\d+$/.test(name) || name === "1") return false;
    const stat = readPidStat(Number(name));
    return stat.ok && stat.value.holdsFiles;
  });
}

/** kill(2) with pid -1: every process but ourselves. ESRCH is no error: nobody is left. */
function signalOthers(signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-1, signal);
  } catch {}
}

/** By the clock: looking through /proc takes a slow machine longer than the pause between two looks. */
async function untilNobodyRuns(): Promise<void> {
  const untilMs = performance.now() + graceMs;
  while (othersRun() && performance.now() < untilMs) await Bun.sleep(checkMs);
}

async function endEveryProcess(): Promise<void> {
  signalOthers("SIGTERM");
  await untilNobodyRuns();
  signalOthers("SIGKILL");
  await untilNobodyRuns();
}

/** Unmounts what holds data, last mounted first; what is still in use becomes read-only, so that it is clean all the same. */
function unmountAll(mounts: readonly MountEntry[], say: (message: string) => void): void {
  for (const { target, type } of mounts.toReversed()) {
    if (keptTypes.has(type) || target === "/") continue;
    const undone = umount(target);
    if (undone.ok) continue;
    const readOnly = remountReadOnly(target);
    if (!readOnly.ok) say(`${explainLinux(undone.error)}; ${explainLinux(readOnly.error)}`);
  }
}

/**
 * The end: containers are stopped already. Ends what still runs, writes everything out, unmounts, and asks the kernel. The base
 * system's own image stays mounted, since we run from it; it is read-only, but it keeps the storage partition under it busy: that
 * one ends up read-only instead of unmounted, which is as clean. `argument`: what a reboot tells the firmware.
 */
export async function endMachine(
  action: PowerAction,
  argument: string | null,
  say: (message: string) => void,
): Promise<never> {
  await endEveryProcess();
  syncAll();
  const mounts = readMountinfo();
  if (mounts.ok) unmountAll(mounts.value, say);
  else say(explainLinux(mounts.error));
  syncAll();
  say(action === "reboot" ? "rebooting" : "powering off");
  const done = action === "reboot" ? rebootMachine("restart", argument) : rebootMachine("powerOff");
  throw new Error(done.ok ? "reboot(2) returned" : explainLinux(done.error));
}
