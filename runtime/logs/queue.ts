/** Where bytes go. Both calls fail by throwing what node:fs throws. */
export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  /** Only for the last words of the process: may block. */
  writeSync(bytes: Uint8Array): void;
}

export interface QueueOptions {
  /** More than this waiting, and what comes is dropped. */
  readonly limitBytes: number;
  /** The sentence that stands where something is missing. */
  readonly lost: (lines: number, why: string) => string;
  readonly onWritten: (bytes: number) => void;
  readonly onFailed: (lines: number, bytes: number) => void;
}

/** A bounded queue before a sink: one write at a time, everything that waits in one go, and no write when nothing waits. */
export interface Queue {
  /** False: dropped, and counted. Never throws. */
  push(bytes: Uint8Array, lines: number): boolean;
  readonly waitingBytes: number;
  /** Also repeats what is being written right now, which may then be there twice: for the last words of the process. */
  flushSync(): void;
  /** Resolves when nothing waits any more, written or dropped. */
  drained(): Promise<void>;
}

export function openQueue(sink: Sink, { limitBytes, lost, onWritten, onFailed }: QueueOptions): Queue {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let waitingLines = 0;
  let inFlight: Uint8Array | null = null;
  let running: Promise<void> | null = null;
  const missing = { lines: 0, why: "" };

  const drop = (lines: number, bytes: number, why: string): void => {
    missing.lines += lines;
    missing.why = why;
    onFailed(lines, bytes);
  };
  /** Everything that waits, with a word before it on what is missing. */
  const take = (): { bytes: Uint8Array; lines: number; mentioned: number } => {
    const mentioned = missing.lines;
    // a failed write may have left half a line behind
    const parts = mentioned === 0 ? waiting : [Buffer.from(`\n${lost(mentioned, missing.why)}`), ...waiting];
    const batch = { bytes: Buffer.concat(parts), lines: waitingLines, mentioned };
    waiting = [];
    waitingBytes = 0;
    waitingLines = 0;
    return batch;
  };
  const drain = async (): Promise<void> => {
    // one turn later, so that the lines of one turn share a write
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const { bytes, lines, mentioned } = take();
      inFlight = bytes;
      try {
        await sink.write(bytes);
        missing.lines -= mentioned;
        onWritten(bytes.length);
      } catch (thrown) {
        drop(lines, bytes.length, thrown instanceof Error ? thrown.message : String(thrown));
      } finally {
        inFlight = null;
      }
    }
    running = null;
  };

  return {
    push(bytes, lines) {
      if (waitingBytes + bytes.length > limitBytes) {
        drop(lines, bytes.length, "too many at once");
        return false;
      }
      waiting.push(bytes);
      waitingBytes += bytes.length;
      waitingLines += lines;
      running ??= drain();
      return true;
    },
    get waitingBytes() {
      return waitingBytes + (inFlight?.length ?? 0);
    },
    flushSync() {
      const before = inFlight;
      const { bytes, lines } = take();
      try {
        sink.writeSync(before === null ? bytes : Buffer.concat([before, bytes]));
      } catch (thrown) {
        drop(lines, bytes.length, thrown instanceof Error ? thrown.message : String(thrown));
      }
    },
    drained: () => running ?? Promise.resolve(),
  };
}
