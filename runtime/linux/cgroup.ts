import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { readText, viaNode, writeControl } from "./libc.ts";
import { mount } from "./mount.ts";

/** Where pure cgroup v2 is mounted by custom. Paths of cgroups here are folders below it. */
export const CGROUP_ROOT = "/sys/fs/cgroup";

/** Mounts cgroup v2, with delegation bounded by cgroup namespaces. EBUSY: it is mounted there already. */
export const mountCgroups = (target = CGROUP_ROOT): Result<void, SysError> =>
  mount({ source: "cgroup2", target, type: "cgroup2", flags: ["nosuid", "nodev", "noexec"], options: "nsdelegate" });

/** mkdir(2) of a cgroup; one that exists is a success. */
export function createCgroup(path: string): Result<void, SysError> {
  const made = viaNode("mkdir", { path }, () => mkdirSync(path));
  return made.ok || made.error.code === "EEXIST" ? ok(undefined) : made;
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

/** Gives the children of a cgroup those of the `wanted` controllers ("cpu", "memory", "pids", …) that it has itself, and says
 *  which these are. EBUSY: processes sit in the cgroup (the rule against inner processes; the root is free of it). */
export function enableControllers(path: string, wanted: readonly string[]): Result<readonly string[], SysError> {
  const text = readText(`${path}/cgroup.controllers`);
  if (!text.ok) return text;
  const present = new Set(words(text.value));
  const enabled = wanted.filter((controller) => present.has(controller));
  if (enabled.length === 0) return ok(enabled);
  const done = writeControl(`${path}/cgroup.subtree_control`, enabled.map((controller) => `+${controller}`).join(" "));
  return done.ok ? ok(enabled) : done;
}

/** Pids in this cgroup itself, not below it. */
export function cgroupMembers(path: string): Result<readonly number[], SysError> {
  const text = readText(`${path}/cgroup.procs`);
  return text.ok ? ok(words(text.value).map(Number)) : text;
}

/** Moves a process into a cgroup. */
export const joinCgroup = (path: string, pid: number): Result<void, SysError> =>
  writeControl(`${path}/cgroup.procs`, String(pid));

/** At most so many bytes of memory for all processes in the cgroup: beyond that the kernel takes back what it can, then kills. */
export const limitMemory = (path: string, bytes: number): Result<void, SysError> =>
  writeControl(`${path}/memory.max`, String(bytes));

/** How much of the processor its processes get while others want it, too: 1 to 10,000, where any other cgroup has 100. */
export const weighCpu = (path: string, weight: number): Result<void, SysError> =>
  writeControl(`${path}/cpu.weight`, String(weight));

/** The cgroups below `path`, children before their parents, `path` itself left out. */
export function listCgroups(path: string): Result<readonly string[], SysError> {
  const entries = viaNode("readdir", { path }, () => readdirSync(path, { withFileTypes: true }));
  if (!entries.ok) return entries;
  const found: string[] = [];
  for (const entry of entries.value.filter((each) => each.isDirectory())) {
    const child = `${path}/${entry.name}`;
    const below = listCgroups(child);
    if (!below.ok && below.error.code !== "ENOENT") return below; // gone meanwhile is fine
    found.push(...(below.ok ? below.value : []), child);
  }
  return ok(found);
}

/** Kills every process in a cgroup and below it at once, also those that fork meanwhile (cgroup.kill, Linux 5.14). They are not
 *  yet gone when this returns. ENOENT: there is no such cgroup, or the kernel is too old. */
export const killCgroup = (path: string): Result<void, SysError> => writeControl(`${path}/cgroup.kill`, "1");

/** Removes a cgroup and all below it; one that is not there is a success. EBUSY: a process is still in one of them. */
export function removeCgroup(path: string): Result<void, SysError> {
  const below = listCgroups(path);
  if (!below.ok) return below.error.code === "ENOENT" ? ok(undefined) : below;
  for (const each of [...below.value, path]) {
    const removed = viaNode("rmdir", { path: each }, () => rmdirSync(each));
    if (!removed.ok && removed.error.code !== "ENOENT") return removed;
  }
  return ok(undefined);
}

const SWEEP_CHECK_MS = 20;

/** {@link removeCgroup} as soon as nobody is in it any more. EBUSY: somebody still is, `withinMs` later. */
export async function sweepCgroup(path: string, withinMs: number): Promise<Result<void, SysError>> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const removed = removeCgroup(path);
    if (removed.ok || removed.error.code !== "EBUSY" || performance.now() >= untilMs) return removed;
    await Bun.sleep(SWEEP_CHECK_MS);
  }
}
