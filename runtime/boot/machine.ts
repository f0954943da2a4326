import { version } from "../buildinfo.ts";
import type { PowerAction } from "../control/index.ts";
import { type ExitedChild, explainLinux, startReaper } from "../linux/index.ts";
import { type Logger, type Logs, startLogs } from "../logs/index.ts";
import { explainConfigWarning } from "./config/index.ts";
import { type Configuration, readConfiguration } from "./configuration.ts";
import { mountEarly } from "./early-mounts.ts";
import { settleKernel, writeSysctls } from "./kernel-settings.ts";
import { endMachine } from "./power.ts";
import { type Guard, startWatchdog } from "./watchdog.ts";

/** Process 1 with everything that does not depend on a revision. */
export interface Machine {
  /** As far as it is known: a level comes with the revision. */
  readonly configuration: Configuration;
  readonly logs: Logs;
  readonly log: Logger;
  readonly watchdog: Guard;
  /** Puts another configuration into effect: how much is logged and where to, kernel parameters; warns of what is new in it. */
  configure(next: Configuration): void;
  /** Hears of every orphan that ended as our child. */
  onOrphan(listener: (child: ExitedChild) => void): void;
  /** Who knows what a reboot must tell the firmware; asked while the storage is still mounted. */
  onReboot(argument: () => Promise<string | null>): void;
  /** Writes the logs out, ends what still runs, unmounts, and asks the kernel. */
  end(action: PowerAction): Promise<never>;
  /** For what no retry can mend: says so, leaves time to read it, and reboots, since the boot loader may know a better revision. */
  giveUp(why: string): Promise<never>;
}

/** How long a failure stays readable on the console before the reboot that it ends in (reference 5.2). */
const failurePauseMs = 20_000;

/** Early mounts, configuration, logs, watchdog, kernel settings, reaping: in this order, each with what is there by then. */
export function startMachine(): Machine {
  const early = mountEarly();
  if (!early.ok) throw new Error(`early mounts: ${explainLinux(early.error)}`);
  let configuration = readConfiguration();
  const logs = startLogs({ config: configuration.config });
  const log = logs.logger("boot");
  log.info(`cairn ${version}`);
  for (const missed of early.value) log.debug(explainLinux(missed));
  const warned = new Set<string>();
  const warn = ({ warnings }: Configuration): void => {
    const news = new Set(warnings.map(explainConfigWarning)).difference(warned);
    for (const warning of news) {
      log.warn(warning);
      warned.add(warning);
    }
  };
  warn(configuration);
  const watchdog = startWatchdog(configuration.config, log);
  settleKernel(configuration.sysctls, log);
  let listener: (child: ExitedChild) => void = () => {};
  startReaper((child) => listener(child));

  let rebootArgument: () => Promise<string | null> = async () => null;

  // A shutdown that takes too long and one that then completes both come here: the first decides.
  let ending: Promise<never> | null = null;
  const end = (action: PowerAction): Promise<never> => {
    ending ??= endOnce(action);
    return ending;
  };
  async function endOnce(action: PowerAction): Promise<never> {
    watchdog.shuttingDown();
    const argument = action === "reboot" ? await rebootArgument() : null;
    await logs.close();
    return endMachine(action, argument, console.log);
  }
  return {
    get configuration() {
      return configuration;
    },
    configure(next) {
      if (next === configuration) return;
      configuration = next;
      logs.configure(next.config);
      warn(next);
      writeSysctls(next.sysctls, log);
    },
    logs,
    log,
    watchdog,
    onOrphan(next) {
      listener = next;
    },
    onReboot(next) {
      rebootArgument = next;
    },
    end,
    async giveUp(why) {
      log.fatal(`${why}; rebooting in ${failurePauseMs / 1000} s`);
      await Bun.sleep(failurePauseMs);
      return end("reboot");
    },
  };
}
