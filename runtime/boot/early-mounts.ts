import { existsSync, lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  type MalformedError,
  type MountFlag,
  mount,
  readMountinfo,
  type SysError,
  setPropagation,
  viaNode,
} from "../linux/index.ts";
import { ok, type Result } from "../result.ts";

interface EarlyMount {
  readonly type: string;
  readonly target: string;
  readonly flags: readonly MountFlag[];
  readonly options?: string;
  /** A device works without it, so its failure is a line in the log and not the end. */
  readonly optional?: true;
}

const tmpfs = (target: string, options: string, flags: readonly MountFlag[] = ["nosuid", "nodev"]): EarlyMount => ({
  type: "tmpfs",
  target,
  flags,
  options,
});

/**
 * What PID 1 mounts, in order, where the initramfs has not done it already. The base system is read-only, so everything that
 * changes while the device runs is memory: `/run`, `/tmp`, `/var`, and the places that LXC configurations made by `pvr` name.
 */
const earlyMounts: readonly EarlyMount[] = [
  { type: "proc", target: "/proc", flags: ["nosuid", "noexec", "nodev"] },
  { type: "sysfs", target: "/sys", flags: ["nosuid", "noexec", "nodev"] },
  { type: "devtmpfs", target: "/dev", flags: ["nosuid"], options: "mode=755" },
  { type: "devpts", target: "/dev/pts", flags: ["nosuid", "noexec"], options: "mode=620,ptmxmode=666,gid=5" },
  tmpfs("/dev/shm", "mode=1777"),
  tmpfs("/run", "mode=755"),
  tmpfs("/tmp", "mode=1777"),
  tmpfs("/var", "mode=755"),
  { type: "cgroup2", target: "/sys/fs/cgroup", flags: ["nosuid", "noexec", "nodev"], options: "nsdelegate" },
  tmpfs("/volumes", "mode=755"),
  tmpfs("/configs", "mode=755"),
  tmpfs("/exports", "mode=755"),
  { type: "securityfs", target: "/sys/kernel/security", flags: ["nosuid", "noexec", "nodev"], optional: true },
  { type: "pstore", target: "/sys/fs/pstore", flags: ["nosuid", "noexec", "nodev"], optional: true },
];

/** What programs expect below `/var`. */
const varFolders = ["/var/lib/lxc", "/var/log", "/var/tmp", "/var/cache"];

/** Links that programs expect and that neither devtmpfs nor an empty `/var` has. */
const links: readonly (readonly [path: string, target: string])[] = [
  ["/var/run", "/run"],
  ["/var/lock", "/run/lock"],
  ["/dev/fd", "/proc/self/fd"],
  ["/dev/stdin", "/proc/self/fd/0"],
  ["/dev/stdout", "/proc/self/fd/1"],
  ["/dev/stderr", "/proc/self/fd/2"],
];

/** Mounts what is missing. The value lists what failed and a device works without. */
export function mountEarly(): Result<readonly SysError[], SysError | MalformedError> {
  const present = readMountinfo();
  if (!present.ok) return present;
  const mounted = new Set(present.value.map((entry) => entry.target));
  const missed: SysError[] = [];
  for (const { type, target, flags, options = "", optional } of earlyMounts) {
    if (mounted.has(target)) continue;
    if (!existsSync(target)) mkdirIfPossible(target);
    const done = mount({ source: type, target, type, flags, options });
    if (done.ok) continue;
    if (optional !== true) return done;
    missed.push(done.error);
  }
  for (const folder of [...varFolders, "/run/lock"]) mkdirSync(folder, { recursive: true });
  for (const [path, target] of links) if (!existsSync(path)) symlinkSync(target, path);

  const resolvConf = makeResolvConf();
  if (!resolvConf.ok) missed.push(resolvConf.error);

  // What liblxc finds shared becomes a slave in each container. Only `/exports` is: containers that have it bound see later exports.
  const isolated = setPropagation("/", "private");
  if (!isolated.ok) return isolated;
  const shared = setPropagation("/exports", "shared");
  return shared.ok ? ok(missed) : shared;
}

/** On a read-only base system a missing folder cannot be made: the mount that follows says so with its own error. */
function mkdirIfPossible(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch {}
}

/**
 * Every configuration made by `pvr` binds `/etc/resolv.conf` into its container, so it has to be there before anybody knows a
 * name server. Base systems keep it as a link into memory.
 */
function makeResolvConf(): Result<void, SysError> {
  const path = "/etc/resolv.conf";
  return viaNode("write", { path }, () => {
    if (existsSync(path) || lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
    const target = resolve("/etc", readlinkSync(path));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, "");
  });
}
