/** A shell of root's for whoever has the console (PV_DEBUG_SHELL, reference 14.9): for a desk, and off unless the base system says so. */
import { CGROUP_ROOT, createCgroup, explainLinux, killCgroup, readText, spawnChild } from "../linux/index.ts";
import type { Logger } from "../logs/index.ts";
import { err, ok, type Result } from "../result.ts";

export interface DebugShellParts {
  /** It comes at once; else when somebody presses ENTER. */
  readonly autologin: boolean;
  readonly log: Pick<Logger, "warn" | "error">;
  /** Calls once, `ms` from now or a little later. */
  setTimer(ms: number, fire: () => void): unknown;
}

export interface DebugShell {
  /** Ends it, with all that it has started in its cgroup. There is no other. */
  end(): void;
}

const CGROUP = `${CGROUP_ROOT}/cairn-debug-shell`;
/** The terminals of the console; what goes to /dev/console goes to the last one (Linux: ABI/testing/sysfs-tty). */
const ACTIVE = "/sys/class/tty/console/active";
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";
/** One that ends at once, as on a terminal that has gone, is no reason to keep the processor busy. */
const AGAIN_MS = 2_000;
/**
 * It enters its cgroup before anybody can type. A session's leader gets the first terminal that it opens, and with it job control;
 * /dev/console would not do (tty_ioctl(4)).
 */
const SCRIPT = `echo 0 >"$0" && exec 0<>"$1" 1>&0 2>&0 && cd / || exit 1
if [ "$2" = wait ]; then
	printf '\\nPress ENTER for a shell of root.\\n'
	read -r _ || exit 1
fi
exec /bin/sh -l`;

/** Null: the kernel has no console, or none that is a terminal of its own. */
export function consoleTerminal(active: string): string | null {
  const last = active.trim().split(/\s+/).at(-1) ?? "";
  return /^[A-Za-z]+\d*$/.test(last) ? `/dev/${last}` : null;
}

export function startDebugShell({ autologin, log, setTimer }: DebugShellParts): DebugShell {
  let over = false;

  function start(): Result<Promise<unknown>, string> {
    const active = readText(ACTIVE);
    if (!active.ok) return err(explainLinux(active.error));
    const terminal = consoleTerminal(active.value);
    if (terminal === null) return err(`${ACTIVE} names no terminal: "${active.value.trim()}"`);
    const made = createCgroup(CGROUP);
    if (!made.ok) return err(explainLinux(made.error));
    const command = ["/bin/sh", "-c", SCRIPT, `${CGROUP}/cgroup.procs`, terminal, autologin ? "now" : "wait"];
    const env = { PATH, HOME: "/", TERM: "vt100" };
    const started = spawnChild(command, { detached: true, stdin: "ignore", stdout: "ignore", stderr: "ignore", env });
    return started.ok ? ok(started.value.exited) : err(explainLinux(started.error));
  }

  function again(): void {
    if (over) return;
    const started = start();
    if (started.ok) void started.value.then(() => setTimer(AGAIN_MS, again));
    else log.error(`PV_DEBUG_SHELL: there is no shell on the console: ${started.error}`);
  }

  log.warn("PV_DEBUG_SHELL: whoever has the console has a shell of root");
  again();
  return {
    end() {
      over = true;
      killCgroup(CGROUP); // one that was never made has nothing in it
    },
  };
}
