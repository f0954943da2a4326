import { writeSync } from "node:fs";
import type { Sink } from "./output.ts";

/** As a shell counts an end by SIGPIPE. */
const EXIT_PIPE = 128 + 13;

/**
 * The file descriptor `fd`, one of the program's own, written to by write(2). `process.stdout` would do, but its first use loads Bun's
 * streams and terminals, which takes longer than most commands do; so it is asked only how wide a terminal is.
 */
export function openDescriptor(fd: 1 | 2): Sink {
  return {
    write(content) {
      const bytes = typeof content === "string" ? Buffer.from(content) : content;
      for (let done = 0; done < bytes.length; ) done += taken(fd, bytes.subarray(done));
    },
    columns() {
      const { isTTY, columns } = fd === 1 ? process.stdout : process.stderr;
      return isTTY ? columns || 80 : null;
    },
  };
}

/** How many of the bytes were taken. */
function taken(fd: number, bytes: Uint8Array): number {
  try {
    return writeSync(fd, bytes);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    // A reader that has seen enough, as in `cairn ctl config ls | head`, is no failure of ours.
    if (code === "EPIPE") process.exit(EXIT_PIPE);
    if (code !== "EAGAIN") throw thrown;
    Bun.sleepSync(1); // whoever shares the pipe or the terminal has made it non-blocking, and it is full
    return 0;
  }
}
