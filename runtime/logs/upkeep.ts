import { constants } from "node:fs";
import { closeFd, openFd } from "../linux/index.ts";
import { IN, O_PATH } from "./kernel.ts";
import type { Watch, Watcher } from "./watcher.ts";

export interface UpkeepOptions {
  readonly watcher: () => Watcher | null;
  /** Does the work; never rejects. */
  readonly sweep: () => Promise<void>;
  /** So many bytes written make it worth a look at once. */
  readonly dueBytes: () => number;
  /** How long after something was written, and after more than `dueBytes`. */
  readonly delays?: { readonly laterMs: number; readonly soonMs: number };
}

/** When to look at the sizes: some time after something was written, sooner when much was written, and never without. */
export interface Upkeep {
  wrote(bytes: number): void;
  /** A folder that other processes write to. */
  watchFolder(path: string): void;
  forgetFolder(path: string): void;
  /** There is another watcher now. */
  restart(): void;
  close(): Promise<void>;
}

const DELAYS = { laterMs: 60_000, soonMs: 500 } as const;

export function openUpkeep({ watcher, sweep, dueBytes, delays = DELAYS }: UpkeepOptions): Upkeep {
  /** Each watch fires once and is set again by the next sweep: a busy console costs two wake-ups a minute, not one a line. */
  const folders = new Map<string, Watch | null>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let dueAtMs = Number.POSITIVE_INFINITY;
  let writtenBytes = 0;
  let sweeping: Promise<void> | null = null;
  let closed = false;

  const arm = (path: string): void => {
    const fd = openFd(path, O_PATH | constants.O_DIRECTORY);
    if (!fd.ok) return void folders.delete(path); // its revision was removed
    const onWritten = (): void => {
      folders.set(path, null);
      sweepIn(delays.laterMs);
    };
    folders.set(path, watcher()?.watch(fd.value, IN.MODIFY | IN.CREATE, onWritten) ?? null);
    closeFd(fd.value);
  };
  const run = async (): Promise<void> => {
    timer = null;
    dueAtMs = Number.POSITIVE_INFINITY;
    writtenBytes = 0;
    // before the sizes are looked at, so that nothing is written unseen in between
    for (const [path, watch] of folders) if (watch === null) arm(path);
    await sweep();
    sweeping = null;
    if (writtenBytes > 0 || [...folders.values()].includes(null)) sweepIn(delays.laterMs);
  };
  const sweepIn = (ms: number): void => {
    const atMs = performance.now() + ms;
    if (closed || atMs >= dueAtMs || sweeping !== null) return;
    if (timer !== null) clearTimeout(timer);
    dueAtMs = atMs;
    timer = setTimeout(() => {
      sweeping = run();
    }, ms);
  };

  return {
    wrote(bytes) {
      writtenBytes += bytes;
      sweepIn(writtenBytes >= dueBytes() ? delays.soonMs : delays.laterMs);
    },
    watchFolder(path) {
      if (!closed && !folders.has(path)) arm(path);
    },
    forgetFolder(path) {
      folders.get(path)?.close();
      folders.delete(path);
    },
    restart() {
      for (const path of [...folders.keys()]) arm(path);
    },
    async close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      for (const watch of folders.values()) watch?.close();
      folders.clear();
      await sweeping;
    },
  };
}
