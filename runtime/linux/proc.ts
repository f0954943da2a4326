import { machine, release } from "node:os";
import { err, ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { readText } from "./libc.ts";
import { type MalformedError, malformed } from "./malformed.ts";

/** One word of the kernel command line; `value` is absent when there is no "=". */
export type KernelParameter = { readonly key: string; readonly value?: string };

/** Splits the kernel command line as the kernel does (`next_arg`, lib/cmdline.c): double quotes hold blanks together and vanish
 *  around a value or around the whole word; inside a word they stay. Words after a lone "--" are init's and are left out. */
export function parseCmdline(text: string): readonly KernelParameter[] {
  const parameters: KernelParameter[] = [];
  for (const [word] of text.trim().matchAll(/(?:"[^"]*(?:"|$)|[^\s"])+/g)) {
    if (word === "--") break;
    const bare = word.startsWith('"') ? word.slice(1).replace(/"$/, "") : word;
    const equals = bare.indexOf("=");
    if (equals < 0) parameters.push({ key: bare });
    else parameters.push({ key: bare.slice(0, equals), value: unquote(bare.slice(equals + 1)) });
  }
  return parameters;
}

const unquote = (value: string): string => (value.startsWith('"') ? value.slice(1).replace(/"$/, "") : value);

/** The command line this kernel was started with. */
export function readCmdline(): Result<readonly KernelParameter[], SysError> {
  const text = readText("/proc/cmdline");
  return text.ok ? ok(parseCmdline(text.value)) : text;
}

/** Lines of the form "Name:   123 kB", in bytes. */
function kilobyteLines(text: string): ReadonlyMap<string, number> {
  const lines = [...text.matchAll(/^([^:\n]+):\s*(\d+) kB$/gm)];
  return new Map(lines.map(([, name = "", kilobytes]) => [name, Number(kilobytes) * 1024]));
}

type Sizes<Names extends Record<string, string>> = { readonly [K in keyof Names]: number };

function pickSizes<Names extends Record<string, string>>(
  what: string,
  text: string,
  names: Names,
): Result<Sizes<Names>, MalformedError> {
  const sizes = kilobyteLines(text);
  const missing = Object.values(names).find((name) => !sizes.has(name));
  if (missing !== undefined) return err(malformed(what, `a line "${missing}: … kB"`, text));
  const picked = Object.entries(names).map(([key, name]) => [key, sizes.get(name)]);
  return ok(Object.fromEntries(picked) as Sizes<Names>);
}

const MEMINFO = {
  totalBytes: "MemTotal",
  freeBytes: "MemFree",
  availableBytes: "MemAvailable",
  cachedBytes: "Cached",
  swapTotalBytes: "SwapTotal",
  swapFreeBytes: "SwapFree",
} as const;

/** Memory of the machine (proc_meminfo(5)). */
export type MemoryInfo = Sizes<typeof MEMINFO>;

export const parseMeminfo = (text: string): Result<MemoryInfo, MalformedError> =>
  pickSizes("/proc/meminfo", text, MEMINFO);

export function readMeminfo(): Result<MemoryInfo, SysError | MalformedError> {
  const text = readText("/proc/meminfo");
  return text.ok ? parseMeminfo(text.value) : text;
}

const SMAPS = {
  rssBytes: "Rss",
  pssBytes: "Pss",
  pssAnonBytes: "Pss_Anon",
  pssFileBytes: "Pss_File",
  anonymousBytes: "Anonymous",
  privateDirtyBytes: "Private_Dirty",
  swapBytes: "Swap",
} as const;

/** Memory of one process (proc_pid_smaps(5), smaps_rollup; Linux 5.4). Pss: shared pages divided among their users. */
export type ProcessMemory = Sizes<typeof SMAPS>;

export const parseSmapsRollup = (text: string): Result<ProcessMemory, MalformedError> =>
  pickSizes("smaps_rollup", text, SMAPS);

export function readProcessMemory(pid: number | "self"): Result<ProcessMemory, SysError | MalformedError> {
  const text = readText(`/proc/${pid}/smaps_rollup`);
  return text.ok ? parseSmapsRollup(text.value) : text;
}

/** What we use of /proc/<pid>/stat (proc_pid_stat(5)). */
export type PidStat = {
  readonly pid: number;
  /** Name of the main thread, at most 15 bytes, any characters. */
  readonly comm: string;
  /** R, S, D, Z, T, … */
  readonly state: string;
  readonly ppid: number;
  /** Start in clock ticks since boot: together with the pid it names a process for good, for pids are used again. */
  readonly startTicks: number;
  /** It may have files open: it is no thread of the kernel's, and does more than wait to be reaped. Who ends gives up his program and his
   *  memory first, and his files only then; and who has threads does not end before the last of them. */
  readonly holdsFiles: boolean;
};

/** Linux: include/linux/sched.h */
const PF_KTHREAD = 0x00200000;

export function parsePidStat(text: string): Result<PidStat, MalformedError> {
  const [open, close] = [text.indexOf("("), text.lastIndexOf(")")]; // comm itself may hold parentheses and blanks
  const rest = text.slice(close + 2).split(" "); // from the third field on
  const [state = "", flags, threads] = [rest[0], Number(rest[6]), Number(rest[17])];
  const ended = /^[ZX]$/.test(state) && threads <= 1;
  const stat = {
    pid: Number.parseInt(text, 10),
    comm: text.slice(open + 1, close),
    state,
    ppid: Number(rest[1]),
    startTicks: Number(rest[19]),
    holdsFiles: (flags & PF_KTHREAD) === 0 && !ended,
  };
  const numbers = [stat.pid, stat.ppid, stat.startTicks, flags, threads];
  const whole = open > 0 && close > open && numbers.every(Number.isInteger);
  return whole ? ok(stat) : err(malformed("/proc/<pid>/stat", "pid (comm) state ppid … starttime", text));
}

export function readPidStat(pid: number | "self"): Result<PidStat, SysError | MalformedError> {
  const text = readText(`/proc/${pid}/stat`);
  return text.ok ? parsePidStat(text.value) : text;
}

/** The cgroup v2 path in the text of /proc/<pid>/cgroup (cgroups(7)): the line "0::/path". */
export function parseCgroupPath(text: string): Result<string, MalformedError> {
  const path = /^0::(\/.*)$/m.exec(text)?.[1];
  return path === undefined ? err(malformed("/proc/<pid>/cgroup", 'a line "0::/…" of cgroup v2', text)) : ok(path);
}

/** The cgroup v2 path of a process, relative to the root of our cgroup namespace: "/lxc/web". */
export function readCgroupPath(pid: number | "self"): Result<string, SysError | MalformedError> {
  const text = readText(`/proc/${pid}/cgroup`);
  return text.ok ? parseCgroupPath(text.value) : text;
}

/** Names in the text of /proc/filesystems; `nodev` ones need no block device. */
export const parseFilesystems = (text: string): readonly { readonly name: string; readonly nodev: boolean }[] =>
  [...text.matchAll(/^(nodev)?\t(\S+)$/gm)].map(([, nodev, name = ""]) => ({ name, nodev: nodev !== undefined }));

/** Whether this kernel can mount a file system type now; a module not yet loaded counts as no. */
export function supportsFilesystem(name: string): boolean {
  const text = readText("/proc/filesystems");
  return text.ok && parseFilesystems(text.value).some((type) => type.name === name);
}

/** uname(2): kernel release ("6.1.0-28-amd64") and machine ("x86_64", "aarch64"). */
export const kernelIdentity = (): { readonly release: string; readonly machine: string } => ({
  release: release(),
  machine: machine(),
});
