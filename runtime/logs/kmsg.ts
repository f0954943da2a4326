import { constants } from "node:fs";
import { closeFd, openFd } from "../linux/index.ts";

export interface KernelMessage {
  /** Counts up from the boot; a file that is opened again begins with the oldest record once more. */
  readonly sequence: number;
  /** Index of LEVELS. */
  readonly level: number;
  readonly text: string;
}

/** syslog(2) priorities 0 to 7 as levels of ours: nothing the kernel says is fatal to the runtime that reads it. */
const LEVEL_OF_PRIORITY = [1, 1, 1, 1, 2, 3, 3, 4] as const;

/** One record of /dev/kmsg: `priority,sequence,microseconds,flags;text`, then lines that begin with a blank and hold a dictionary
 *  (Documentation/ABI/testing/dev-kmsg). The text is given as dmesg(1) shows it. null: not such a record. */
export function decodeKmsg(record: string): KernelMessage | null {
  const found = /^(\d+),(\d+),(\d+),[^;]*;([^\n]*)/.exec(record);
  if (found === null) return null;
  const seconds = (Number(found[3]) / 1e6).toFixed(6).padStart(12);
  const level = LEVEL_OF_PRIORITY[Number(found[1]) & 7] ?? 3;
  return { sequence: Number(found[2]), level, text: `[${seconds}] ${found[4]}` };
}

/** Records come whole from read(2), one each, but a stream may join them. A record starts a line with its header. */
export const splitKmsg = (chunk: string): readonly string[] => chunk.split(/\n(?=\d+,\d+,\d+,)/);

/** Gives every kernel message, those since the boot first, without polling. `path` is /dev/kmsg but for tests. Throws when it
 *  cannot be opened; `onBroken` is told once when reading fails (EPIPE, the kernel overwrote what was not read: open it again). */
export function openKmsg(path: string, onMessage: (message: KernelMessage) => void, onBroken: (why: unknown) => void) {
  const opened = openFd(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (!opened.ok) throw new Error(`${path}: ${opened.error.code}`);
  const reader = Bun.file(opened.value).stream().getReader();
  const decoder = new TextDecoder();
  let closed = false;
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || closed) return;
      for (const record of splitKmsg(decoder.decode(value))) {
        const message = decodeKmsg(record);
        if (message !== null) onMessage(message);
      }
    }
  })().then(
    () => (closed ? undefined : onBroken(new Error("no more kernel messages"))),
    (thrown) => (closed ? undefined : onBroken(thrown)),
  );
  return {
    async close(): Promise<void> {
      closed = true;
      await reader.cancel();
      await reading;
      closeFd(opened.value);
    },
  };
}
