import { readFileSync, statSync } from "node:fs";
import { explainSys, spawnChild, viaNode } from "../linux/index.ts";
import { err, ok, type Result } from "../result.ts";
import { hintFromLog, type LxcError } from "./error.ts";

/** liblxc's own tool, which Debian and Buildroot install with the library. */
const LXC_START = "/usr/bin/lxc-start";

/** How much of a container's log is read for a hint. */
const LOG_TAIL_BYTES = 16 * 1024;

export interface StartSpec {
  readonly name: string;
  /** Holds `<name>/config`. */
  readonly lxcPath: string;
  /** Init's argv in the place of `lxc.init.cmd`, which liblxc before 6.0 cuts at every blank, quoted or not; null leaves it to liblxc. */
  readonly command: readonly string[] | null;
  /** Where relative paths in the configuration count from. */
  readonly folder: string;
  /** `lxc.log.file`, for the reason of a failure; null: there is none. */
  readonly logFile: string | null;
  /** Gives the start up. */
  readonly signal: AbortSignal;
}

/**
 * Starts a container in the background and tells the pid of its monitor, our child by then; null: it has ended already, and the monitor
 * has taken its file with the pid away. The container's end comes by the monitor FIFO, also when it ends before this returns.
 *
 * By `lxc-start`, not by the library: a monitor that liblxc forks from this process keeps a copy of every page of our heap that we
 * write to later, 7 MiB each where its own needs are below 1 MiB; a mount or a hook that hangs would hold up our main loop; and
 * liblxc would move us into the monitor's cgroup. It takes no longer: copying our page tables costs as much as a small program.
 */
export async function startContainer(spec: StartSpec): Promise<Result<number | null, LxcError>> {
  const { name, lxcPath, command, logFile } = spec;
  const failed = (errorNumber: number, hint: string) =>
    err({ kind: "lxc", call: "start", container: name, args: {}, errorNumber, hint } as const);
  const [pidFile, complaints] = [`${lxcPath}/${name}/pid`, `${lxcPath}/${name}/complaints`] as const;
  const logBytes = logFile === null ? 0 : sizeOf(logFile);
  const words = [LXC_START, "-n", name, "-P", lxcPath, "-d", "-p", pidFile];
  const child = spawnChild([...words, ...(command === null ? [] : ["--", ...command])], {
    cwd: spec.folder,
    stdout: "ignore",
    stderr: Bun.file(complaints),
    signal: spec.signal,
  });
  if (!child.ok) return failed(child.error.errno, explainSys(child.error));
  const code = await child.value.exited;
  if (code !== 0) {
    const log = logFile === null ? "" : tail(logFile, logBytes);
    const said = hintFromLog(log) || tail(complaints, 0).trim();
    return failed(code, said === "" ? "set lxc.log.file to learn why" : said);
  }
  const pid = Number.parseInt(tail(pidFile, 0), 10);
  return ok(pid > 0 ? pid : null);
}

function sizeOf(path: string): number {
  const size = viaNode("stat", { path }, () => statSync(path).size);
  return size.ok ? size.value : 0;
}

/** What was written to a file after `from`, or its last part; "" when it cannot be read. */
function tail(path: string, from: number): string {
  const bytes = viaNode("read", { path }, () => readFileSync(path));
  return bytes.ok ? bytes.value.subarray(Math.max(from, bytes.value.length - LOG_TAIL_BYTES)).toString() : "";
}
