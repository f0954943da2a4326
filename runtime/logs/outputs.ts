import { asJson, asText, type LogLine, safeLines } from "./line.ts";
import { openLineSplitter } from "./line-splitter.ts";
import type { LogPlace } from "./model.ts";
import { openQueue, type Queue, type Sink } from "./queue.ts";
import type { LogConfig, Output } from "./settings.ts";
import { fileSink } from "./sinks.ts";

export interface OutputsOptions {
  readonly config: () => LogConfig;
  /** null until storage is there. */
  readonly place: () => LogPlace | null;
  readonly console: Sink;
  readonly timeSec: () => number;
  readonly onWritten: (bytes: number) => void;
  readonly onFailed: (lines: number, bytes: number) => void;
}

/** Where a followed file of a container goes. */
export interface ContainerOutput {
  room(): number;
  bytes(bytes: Uint8Array): void;
}

export interface Outputs {
  /** `onConsole` false: the console shows it already. */
  line(line: LogLine, onConsole?: boolean): void;
  /** `copy` is false for files that are in the log folder already. */
  container(platform: string, source: string, copy: boolean): ContainerOutput;
  /** Storage is there: what was kept goes to its files. */
  writeKept(): void;
  flushSync(): void;
  drained(): Promise<void>;
}

/** The most that waits in memory before one file or the console. */
const QUEUE_BYTES_MAX = 256 * 1024;
const COPY_QUEUE_BYTES_MAX = 1024 * 1024;
const INFO = 3;
const FATAL = 0;
const WARN = 2;

export const FOR_CONTAINERS: readonly Output[] = ["singlefile", "stdout", "stdout.containers", "stdout_direct"];

/** Hands lines and bytes to what `PV_LOG_SERVER_OUTPUTS` names (reference 11.2). */
export function openOutputs({ config, place, console, timeSec, onWritten, onFailed }: OutputsOptions): Outputs {
  const selected = (...names: readonly Output[]): boolean => {
    const outputs = config().PV_LOG_SERVER_OUTPUTS;
    return names.some((name) => outputs.includes(name));
  };
  const own = (level: number, text: string): LogLine => ({
    platform: "pantavisor",
    source: "logs",
    level,
    timeSec: timeSec(),
    text,
  });
  const inPlace = (path: string) => () => {
    const at = place();
    if (at === null) throw new Error("storage is not there yet");
    return `${at.dir}/${at.rev}/${path}`;
  };
  const lost = (form: (line: LogLine) => string) => (lines: number, why: string) =>
    form(own(WARN, `${lines} lines were lost here: ${why}`));
  const common = { limitBytes: QUEUE_BYTES_MAX, onFailed };
  const runtimeLog = openQueue(fileSink(inPlace("pantavisor/pantavisor.log")), {
    ...common,
    lost: lost(asText),
    onWritten,
  });
  const singleFile = openQueue(fileSink(inPlace("pv.log")), { ...common, lost: lost(asJson), onWritten });
  const terminal = openQueue(console, { ...common, lost: lost(asText), onWritten: () => {} });
  const push = (queue: Queue, text: string): void => void queue.push(Buffer.from(text), 1);

  let kept: LogLine[] = [];
  let forgotten = 0;
  const keep = (line: LogLine): void => {
    kept.push(line);
    if (kept.length <= config().PV_LOG_BUF_NITEMS) return;
    kept.shift();
    forgotten++;
  };
  const store = (line: LogLine): void => {
    if (selected("filetree")) push(runtimeLog, asText(line));
    if (selected("singlefile")) push(singleFile, asJson(line));
  };
  const copies = new Set<Queue>();

  return {
    line(line, onConsole = true) {
      if (place() === null) keep(line);
      else store(line);
      // What ends the runtime is shown whatever the outputs: who stands before a device that reboots sees nothing else.
      const wanted =
        place() === null || line.level === FATAL || selected("stdout", "stdout.pantavisor", "stdout_direct");
      if (wanted && onConsole) push(terminal, asText(line));
    },
    container(platform, source, copy) {
      const queue = openQueue(fileSink(inPlace(`${platform}/${source}`)), {
        limitBytes: COPY_QUEUE_BYTES_MAX,
        lost: (_lines, why) => `[cairn] something is missing here: ${why}\n`,
        onWritten,
        onFailed,
      });
      const lines = openLineSplitter();
      return {
        room: () => COPY_QUEUE_BYTES_MAX - queue.waitingBytes,
        bytes(bytes) {
          if (copy && selected("filetree")) {
            queue.push(bytes, 1);
            copies.add(queue);
            queue.drained().then(() => queue.waitingBytes === 0 && copies.delete(queue));
          }
          if (!selected(...FOR_CONTAINERS)) return;
          for (const text of lines(bytes).flatMap(safeLines)) {
            const line = { platform, source, level: INFO, timeSec: timeSec(), text };
            if (selected("singlefile")) push(singleFile, asJson(line));
            if (selected("stdout", "stdout.containers", "stdout_direct")) push(terminal, asText(line));
          }
        },
      };
    },
    writeKept() {
      if (forgotten > 0) store(own(WARN, `${forgotten} earlier lines were not kept`));
      for (const line of kept) store(line);
      kept = [];
    },
    flushSync() {
      for (const queue of [runtimeLog, singleFile, terminal]) queue.flushSync();
    },
    async drained() {
      await Promise.all([runtimeLog, singleFile, terminal, ...copies].map((queue) => queue.drained()));
    },
  };
}
