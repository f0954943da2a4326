import { readdirSync } from "node:fs";
import { invariant, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { readText, viaNode } from "./libc.ts";
import { parsePidStat } from "./proc.ts";
import { type ExitedChild, peekExited, reap } from "./process.ts";

/** What the reaper needs of the kernel; a test puts a scripted one in its place. */
export type ChildTable = {
  peekExited(): Result<ExitedChild | undefined, SysError>;
  reap(pid: number): Result<ExitedChild | undefined, SysError>;
  /** Pids of all children, ended or not. */
  children(): readonly number[];
};

/** Children of {@link spawnChild} whose exit Bun has not taken yet: their status is not ours to take. */
const owned = new Set<number>();
const settled = new Set<() => void>();

/** Bun.spawn for a process that runs the {@link startReaper}: its exit is left to Bun. While a reaper runs, do not use Bun.spawn,
 *  Bun.$ or node:child_process directly: their children would be taken for orphans and their `exited` might never settle.
 *  ENOENT: no such program, or no such working directory. */
export function spawnChild<
  const In extends Bun.SpawnOptions.Writable = "ignore",
  const Out extends Bun.SpawnOptions.Readable = "pipe",
  const Err extends Bun.SpawnOptions.Readable = "inherit",
>(
  command: string[],
  options: Bun.SpawnOptions.OptionsObject<In, Out, Err>,
): Result<Bun.Subprocess<In, Out, Err>, SysError> {
  const spawned = viaNode("spawn", { command }, () => Bun.spawn<In, Out, Err>(command, options));
  if (!spawned.ok) return spawned;
  const child = spawned.value;
  owned.add(child.pid);
  const release = () => {
    owned.delete(child.pid);
    for (const tell of settled) tell();
  };
  child.exited.then(release, release);
  return spawned;
}

/** Takes every ended child that nobody owns. waitid shows one ended child at a time, always the same one until it is taken; when
 *  that one is owned it hides the rest, so then all children are tried one by one. */
export function sweep(
  table: ChildTable,
  isOwned: (pid: number) => boolean,
  onReaped: (child: ExitedChild) => void,
): void {
  for (;;) {
    const first = table.peekExited();
    invariant(first.ok, "waitid(P_ALL) with valid options does not fail");
    if (first.value === undefined) return;
    if (isOwned(first.value.pid)) break;
    take(table, first.value.pid, onReaped);
  }
  for (const pid of table.children()) if (!isOwned(pid)) take(table, pid, onReaped);
}

function take(table: ChildTable, pid: number, onReaped: (child: ExitedChild) => void): void {
  const taken = table.reap(pid);
  invariant(taken.ok, "waitid(P_PID) with valid options does not fail");
  if (taken.value !== undefined) onReaped(taken.value);
}

/** Children of every thread of ours (proc_pid_children(5), CONFIG_PROC_CHILDREN); else by the parent in each /proc/<pid>/stat. */
export function childrenOfSelf(): readonly number[] {
  const tasks = readdirSync("/proc/self/task");
  const lists = tasks.map((task) => readText(`/proc/self/task/${task}/children`));
  // A thread that has just ended has no list; if none has one, the kernel was built without them.
  return lists.some((list) => list.ok)
    ? lists.flatMap((list) => (list.ok ? numbers(list.value) : []))
    : childrenByScan();
}

const numbers = (text: string): number[] =>
  text
    .split(" ")
    .filter((word) => word !== "")
    .map(Number);

function childrenByScan(): readonly number[] {
  const entries = viaNode("readdir", { path: "/proc" }, () => readdirSync("/proc"));
  invariant(entries.ok, "/proc is mounted");
  return entries.value
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      const text = readText(`/proc/${pid}/stat`);
      const stat = text.ok ? parsePidStat(text.value) : undefined;
      return stat?.ok === true && stat.value.ppid === process.pid;
    });
}

export type Reaper = { stop(): void };

/** Reaps every orphan that ends as our child, for PID 1 or a subreaper, and never the exit of a {@link spawnChild}. Signals may
 *  coalesce: each SIGCHLD sweeps until nothing is left, and so does the settling of an owned child. */
export function startReaper(onReaped: (child: ExitedChild) => void): Reaper {
  const table: ChildTable = { peekExited, reap, children: childrenOfSelf };
  const run = () => sweep(table, (pid) => owned.has(pid), onReaped);
  process.on("SIGCHLD", run);
  settled.add(run);
  run(); // what ended before the handler was there
  return {
    stop: () => {
      process.off("SIGCHLD", run);
      settled.delete(run);
    },
  };
}
