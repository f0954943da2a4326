import type { Out } from "./command.ts";

type Stream = Pick<NodeJS.WriteStream, "write" | "once" | "isTTY" | "columns">;

/** Back to the first column, and the rest of the line erased (ECMA-48). */
const AGAIN = "\r\u001b[K";

/** Writes to the two streams of a program; a line of progress is erased before anything else is written. */
export function openOut(stdout: Stream, stderr: Stream): Out {
  let shown = false;
  const clear = (): void => {
    if (shown) stdout.write(AGAIN);
    shown = false;
  };
  return {
    print(text) {
      clear();
      stdout.write(`${text}\n`);
    },
    complain(text) {
      clear();
      stderr.write(`${text}\n`);
    },
    async write(bytes) {
      clear();
      if (!stdout.write(bytes)) await new Promise<void>((resolve) => stdout.once("drain", resolve));
    },
    progress: stdout.isTTY
      ? (line) => {
          // A line that wraps could not be erased.
          stdout.write(`${AGAIN}${line.slice(0, Math.max(10, (stdout.columns || 80) - 1))}`);
          shown = true;
        }
      : null,
  };
}
