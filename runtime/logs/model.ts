import type { LogConfig } from "./settings.ts";

/** What one part of the runtime says. A call costs a string and a place in a queue: it never blocks, never throws, and does
 *  nothing below the level that `PV_LOG_LEVEL` allows. A message may be anything; it is made one safe line or several. */
export interface Logger {
  /** The runtime is about to end: this line, and all before it, are written before the call returns. */
  fatal(message: string): void;
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string): void;
  trace(message: string): void;
}

/** One member of `logs` in run.json (reference 2.6); the same shape as `LogSource` of the state. */
export type ContainerLogSource =
  | { readonly kind: "file"; readonly file: string; readonly maxBytes: number; readonly truncate: boolean }
  | { readonly kind: "lxc" }
  | { readonly kind: "console" };

/** One setting of liblxc, lxc.container.conf(5): `lxc.log.file`, `lxc.log.level`, `lxc.console.logfile`, `lxc.console.size`, `lxc.console.rotate`. */
export type LxcLogItem = readonly [key: string, value: string];

/** Where the log tree is (`<dir>/<rev>/<container>/…`, reference 11.3). `dir` exists and is on the storage partition. */
export interface LogPlace {
  readonly dir: string;
  /** Name of the running revision: `7`, `locals/mine`. */
  readonly rev: string;
}

/** What went wrong since the start. Nothing here stops PID 1. */
export interface LogFaults {
  /** Lines of the runtime and bytes of containers that no output took: full disk, full queue. */
  readonly droppedLines: number;
  readonly droppedBytes: number;
  /** Writes that failed. */
  readonly failedWrites: number;
  /** How often a part threw and was started again. */
  readonly restarts: { readonly [part: string]: number };
}

/** The log collector. No call of it throws or waits for a disk, except `close` and `fatal`. */
export interface Logs {
  /** `source` names the part that speaks, such as `supervise`. */
  logger(source: string): Logger;
  /** The configuration may change while running: a policy, user metadata. */
  configure(config: LogConfig): void;
  /** Storage is there: what was kept in memory goes to its file, and the size budget is watched from now on. */
  useStorage(place: LogPlace): void;
  /** After an update without reboot: everything written from now on goes to the new revision's folder. The log files of liblxc
   *  stay open in containers that went on running; they get a second name (a hard link) in the new folder. */
  switchRevision(rev: string): void;
  /** Makes the folder for liblxc's own files of `container` and gives what to set before it starts, after its own configuration
   *  file was loaded. Empty when `PV_LOG_CAPTURE` is off or storage is not there yet. */
  lxcItems(container: string): readonly LxcLogItem[];
  /** Follows the container's log files. `pid` is its init as this process sees it; `sources` null takes the two default files of
   *  reference 2.6. A container that was attached before is detached first; what was read of a file is remembered. */
  attach(
    container: string,
    spec: { readonly pid: number; readonly sources: readonly ContainerLogSource[] | null },
  ): void;
  /** Reads what the container wrote last, also after its init has ended, and closes its files. Until then one descriptor of each
   *  followed file keeps its file system busy, so call it as soon as the container has ended and before anything is unmounted. */
  detach(container: string): void;
  /** The last lines (at most 1000) of one log, as evidence: safe to show, oldest first, empty when there is none. `source` is its
   *  path below the container's folder, such as `lxc/console.log`; `rev` the revision, the running one unless told. */
  lastLines(container: string, source: string, count: number, rev?: string): readonly string[];
  faults(): LogFaults;
  /** Writes everything out and stops, within a second even when a disk or the console hangs; log calls after it only reach the
   *  console. */
  close(): Promise<void>;
}
