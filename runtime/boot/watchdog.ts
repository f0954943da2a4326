import { explainSys, openWatchdog, type Watchdog } from "../linux/index.ts";
import type { Logger } from "../logs/index.ts";
import type { Config } from "./config/index.ts";

const devicePath = "/dev/watchdog";

/** The board's watchdog, kicked by the main loop alone: a loop that is blocked lets it run out, which resets the board. */
export interface Guard {
  /** The revision runs: mode `startup` ends here. */
  started(): void;
  /** The last stretch, in which no loop kicks any more: mode `shutdown` begins here, and what hangs then is reset as well. */
  shuttingDown(): void;
}

/** Modes of reference 14.4. A missing device is an error in the log, not the end: the device still works, unguarded. */
export function startWatchdog(config: Config, log: Logger): Guard {
  const { PV_WDT_MODE: mode, PV_WDT_TIMEOUT: timeoutMs } = config;
  let watchdog: Watchdog | null = null;
  let timer: Timer | undefined;

  const kick = (): void => {
    const kicked = watchdog?.kick();
    if (kicked?.ok === false) log.error(explainSys(kicked.error));
  };
  const arm = (): void => {
    if (watchdog !== null) return;
    const opened = openWatchdog(devicePath, timeoutMs);
    if (!opened.ok) {
      const why = explainSys(opened.error);
      log.error(
        `no watchdog, a hang would not be noticed: ${why}. Add the board's driver to the kernel, or set PV_WDT_MODE=disabled`,
      );
      return;
    }
    watchdog = opened.value;
    log.info(`watchdog: ${watchdog.identity}, ${watchdog.timeoutMs} ms`);
    // A third of the timeout leaves two more chances when the loop is late.
    timer = setInterval(kick, watchdog.timeoutMs / 3);
  };

  if (mode === "startup" || mode === "always") arm();
  return {
    started() {
      if (mode !== "startup" || watchdog === null) return;
      clearInterval(timer);
      watchdog.disarm();
      watchdog = null;
    },
    shuttingDown() {
      if (mode === "shutdown") arm();
      kick();
    },
  };
}
