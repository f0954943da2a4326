import type { Out } from "./command.ts";

/** Where bytes go. */
export interface Sink {
  /** Returns when all of it is taken. */
  write(content: string | Uint8Array): void;
  /** How wide the terminal is; null: it is none. */
  columns(): number | null;
}

/** Back to the first column, and the rest of the line erased (ECMA-48). */
const AGAIN = "\r\u001b[K";

/** Writes to the two outputs of a program; a line of progress is erased before anything else is written. */
export function openOut(stdout: Sink, stderr: Sink): Out {
  let shown = false;
  const clear = (): void => {
    if (shown) stdout.write(AGAIN);
    shown = false;
  };
  const show = (line: string, columns: number): void => {
    stdout.write(`${AGAIN}${line.slice(0, Math.max(10, columns - 1))}`); // a line that wraps could not be erased
    shown = true;
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
    write(bytes) {
      clear();
      stdout.write(bytes);
    },
    get progress() {
      return stdout.columns() === null ? null : (line: string) => show(line, stdout.columns() ?? 0);
    },
  };
}
