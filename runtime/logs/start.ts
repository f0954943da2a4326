import { linkSync, mkdirSync } from "node:fs";
import { readText } from "../linux/index.ts";
import type { Budget } from "./budget.ts";
import { openContainers } from "./containers.ts";
import { type KernelMessage, openKmsg } from "./kmsg.ts";
import { readLastLines } from "./last-lines.ts";
import { type LogLine, safeLines } from "./line.ts";
import { lxcLogItems } from "./lxc-items.ts";
import type { Logger, LogPlace, Logs } from "./model.ts";
import { openOutputs } from "./outputs.ts";
import { keepRunning, type Part } from "./part.ts";
import type { LogConfig } from "./settings.ts";
import { consoleSink } from "./sinks.ts";
import { readBudget, sweep } from "./sweep.ts";
import { openUpkeep } from "./upkeep.ts";
import { openWatcher, type Watcher } from "./watcher.ts";

export interface LogsOptions {
  readonly config: LogConfig;
  /** Descriptor that early lines and the `stdout` outputs go to; PID 1's standard output is the console. Default 1. */
  readonly consoleFd?: number;
  /** Where kernel messages are read once storage is there; default `/dev/kmsg`. */
  readonly kmsgPath?: string;
}

/** Shutting down does not wait longer for a disk or a console that hangs. */
const CLOSE_MS_MAX = 1_000;

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** Seconds since the boot, counted on from what the kernel says now. */
function bootClock(): () => number {
  const uptime = readText("/proc/uptime");
  const atStartSec = (uptime.ok ? Number.parseFloat(uptime.value) : 0) - performance.now() / 1000;
  return () => atStartSec + performance.now() / 1000;
}

/** Starts the collector, before storage is known: lines go to the console and are kept (at most `PV_LOG_BUF_NITEMS`) until
 *  {@link Logs.useStorage}. */
export function startLogs({ config: first, consoleFd = 1, kmsgPath = "/dev/kmsg" }: LogsOptions): Logs {
  let config = first;
  let place: LogPlace | null = null;
  let budget: Budget | null = null;
  let kmsg: Part<unknown> | null = null;
  let lastKernelSequence = -1;
  const counts = { droppedLines: 0, droppedBytes: 0, failedWrites: 0 };
  const restarts: Record<string, number> = {};
  const sinceBootSec = bootClock();
  const timeSec = (): number => (config.PV_LOG_TIMESTAMP === "absolute" ? Date.now() / 1000 : sinceBootSec());

  const outputs = openOutputs({
    config: () => config,
    place: () => place,
    console: consoleSink(consoleFd),
    timeSec,
    onWritten: (bytes) => upkeep.wrote(bytes),
    onFailed: (lines, bytes) => {
      counts.droppedLines += lines;
      counts.droppedBytes += bytes;
      counts.failedWrites++;
    },
  });

  const line = (source: string, level: number, text: string): LogLine => ({
    platform: "pantavisor",
    source,
    level,
    timeSec: timeSec(),
    text,
  });
  const logger = (source: string): Logger => {
    const say = (level: number) => (message: string) => {
      if (level > config.PV_LOG_LEVEL) return;
      for (const text of safeLines(String(message))) outputs.line(line(source, level, text));
    };
    const fatal = say(0);
    return {
      fatal: (message) => {
        fatal(message);
        outputs.flushSync();
      },
      error: say(1),
      warn: say(2),
      info: say(3),
      debug: say(4),
      trace: say(5),
    };
  };
  const own = logger("logs");

  /** A part of this folder failed: counted, told once for each reason in a row. */
  const lastReasons = new Map<string, string>();
  const restarted = (part: string) => (thrown: unknown) => {
    restarts[part] = (restarts[part] ?? 0) + 1;
    const reason = messageOf(thrown);
    if (lastReasons.get(part) !== reason) own.warn(`${part} starts again: ${reason}`);
    lastReasons.set(part, reason);
  };
  /** For what is called from outside: it must not throw. */
  const guarded = <T>(part: string, otherwise: T, run: () => T): T => {
    try {
      return run();
    } catch (thrown) {
      restarted(part)(thrown);
      return otherwise;
    }
  };

  const lxcFolder = (container: string): string | null =>
    place === null ? null : `${place.dir}/${place.rev}/${container}/lxc`;
  const containers = openContainers({
    config: () => config,
    outputs,
    watcher: () => watcher.current,
    lxcFolder,
    warn: own.warn,
    failed: restarted("tail"),
  });

  let lastFailures = "";
  const upkeep = openUpkeep({
    watcher: () => watcher.current,
    dueBytes: () => budget?.rotateAtBytes ?? Number.POSITIVE_INFINITY,
    async sweep() {
      if (place === null || budget === null) return;
      try {
        const { removed, emptied, failures } = await sweep(place, budget);
        if (removed + emptied > 0) own.info(`over budget: ${removed} archives removed, ${emptied} files emptied`);
        const text = failures.join("; ");
        if (text !== "" && text !== lastFailures) own.warn(text);
        lastFailures = text;
      } catch (thrown) {
        restarted("sweep")(thrown);
      }
    },
  });

  const watcher: Part<Watcher> = keepRunning(openWatcher, restarted("watcher"), () => {
    upkeep.restart();
    containers.restart();
  });

  const onKernelMessage = ({ sequence, level, text }: KernelMessage): void => {
    if (sequence <= lastKernelSequence || level > config.PV_LOG_LEVEL) return;
    lastKernelSequence = sequence;
    for (const safe of safeLines(text)) outputs.line(line("dmesg", level, safe), false);
  };
  const applyConfig = (): void => {
    if (place === null) return;
    budget = readBudget(config, place.dir);
    if (config.PV_LOG_CAPTURE_DMESG) {
      kmsg ??= keepRunning((broken) => openKmsg(kmsgPath, onKernelMessage, broken), restarted("kmsg"));
    } else {
      void kmsg?.close();
      kmsg = null;
    }
  };
  /** Gives the log files of liblxc in running containers a name in the new revision's folder. */
  const carryOver = (container: string, from: string, to: string): void => {
    mkdirSync(to, { recursive: true });
    for (const name of ["console.log", "lxc.log"]) {
      try {
        linkSync(`${from}/${name}`, `${to}/${name}`);
      } catch (thrown) {
        const expected = ["ENOENT", "EEXIST"].includes(String((thrown as NodeJS.ErrnoException).code));
        if (!expected) own.warn(`${container}: ${name} stays in the folder of the old revision: ${messageOf(thrown)}`);
      }
    }
    upkeep.forgetFolder(from);
    upkeep.watchFolder(to);
  };

  return {
    logger,
    configure(next) {
      guarded("configure", undefined, () => {
        const before = config;
        config = next;
        applyConfig();
        if (JSON.stringify(before) !== JSON.stringify(next)) containers.restart();
      });
    },
    useStorage(at) {
      guarded("storage", undefined, () => {
        place = at;
        outputs.writeKept();
        applyConfig();
        containers.restart();
      });
    },
    switchRevision(rev) {
      guarded("switch", undefined, () => {
        if (place === null) return;
        const old = place;
        place = { dir: old.dir, rev };
        for (const container of containers.names) {
          carryOver(container, `${old.dir}/${old.rev}/${container}/lxc`, `${old.dir}/${rev}/${container}/lxc`);
        }
      });
    },
    lxcItems: (container) =>
      guarded("lxcItems", [], () => {
        const folder = lxcFolder(container);
        if (folder === null || budget === null || !config.PV_LOG_CAPTURE) return [];
        mkdirSync(folder, { recursive: true });
        upkeep.watchFolder(folder);
        return lxcLogItems(folder, budget, config.PV_LXC_LOG_LEVEL);
      }),
    attach: (container, spec) => guarded("attach", undefined, () => containers.attach(container, spec)),
    detach: (container) => guarded("detach", undefined, () => containers.detach(container)),
    lastLines: (container, source, count, rev) =>
      place === null ? [] : readLastLines(`${place.dir}/${rev ?? place.rev}/${container}/${source}`, count),
    faults: () => ({ ...counts, restarts: { ...restarts } }),
    async close() {
      for (const container of containers.names) containers.detach(container);
      const stopped = Promise.allSettled([kmsg?.close(), upkeep.close(), watcher.close()]).then(outputs.drained);
      await Promise.race([stopped, Bun.sleep(CLOSE_MS_MAX)]);
      place = null;
    },
  };
}
