import { closeSync, constants, mkdirSync, openSync, writeSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Sink } from "./queue.ts";

/** O_NOFOLLOW and O_NONBLOCK: something planted at that name, a link or a FIFO, is an error and not a detour or a halt. */
const APPEND =
  constants.O_WRONLY |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK |
  constants.O_NOCTTY;
const FILE_MODE = 0o640;

const code = (thrown: unknown): unknown => (thrown as NodeJS.ErrnoException).code;

/** Appends to the file that `path` names at that moment. It is opened for each write, so that a removed or replaced file is made
 *  anew, and nothing keeps the storage partition busy between writes. Folders on the way are made. */
export function fileSink(path: () => string): Sink {
  const opened = async (name: string) => {
    try {
      return await open(name, APPEND, FILE_MODE);
    } catch (thrown) {
      if (code(thrown) !== "ENOENT") throw thrown;
      await mkdir(dirname(name), { recursive: true });
      return await open(name, APPEND, FILE_MODE);
    }
  };
  const openedSync = (name: string): number => {
    try {
      return openSync(name, APPEND, FILE_MODE);
    } catch (thrown) {
      if (code(thrown) !== "ENOENT") throw thrown;
      mkdirSync(dirname(name), { recursive: true });
      return openSync(name, APPEND, FILE_MODE);
    }
  };
  return {
    async write(bytes) {
      await using file = await opened(path());
      for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
    },
    writeSync(bytes) {
      const fd = openedSync(path());
      try {
        for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
      } finally {
        closeSync(fd);
      }
    },
  };
}

const CONSOLE = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY;
const RETRY_MS = 50;
/** A serial line at 9600 baud moves 64 KiB in 68 s; a line that takes nothing for this long is stopped (XOFF) or gone. */
const STALLED_MS = 10_000;

/** The console. It is opened anew without blocking: a terminal stopped by XOFF, which noise on an open serial input can send,
 *  must not stop PID 1. */
export function consoleSink(fd: number): Sink {
  let own: number | null = null;
  const some = (bytes: Uint8Array, from: number): number => {
    try {
      own ??= openSync(`/proc/self/fd/${fd}`, CONSOLE);
      return writeSync(own, bytes, from);
    } catch (thrown) {
      if (code(thrown) === "EAGAIN") return 0;
      throw thrown;
    }
  };
  return {
    async write(bytes) {
      let stalledMs = 0;
      for (let done = 0; done < bytes.length; ) {
        const now = some(bytes, done);
        done += now;
        stalledMs = now > 0 ? 0 : stalledMs + RETRY_MS;
        if (stalledMs > STALLED_MS) throw new Error("the console takes nothing");
        if (done < bytes.length) await Bun.sleep(RETRY_MS);
      }
    },
    writeSync(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const now = some(bytes, done);
        if (now === 0) return;
        done += now;
      }
    },
  };
}
