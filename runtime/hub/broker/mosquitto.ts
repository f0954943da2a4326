import { err, ok, type Result } from "../../result.ts";

export type MosquittoFault =
  | { readonly kind: "missing" }
  /** It ended before it served anybody; what it said last. */
  | { readonly kind: "ended"; readonly said: string }
  | { readonly kind: "silent"; readonly seconds: number };

/** Mosquitto as a child process, started again whenever it ends by itself. */
export interface Mosquitto {
  /** Process id; null: it has ended and starts again soon. */
  readonly pid: number | null;
  /** Makes it read certificates, revocations and rights again; returns when those hold. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

export interface MosquittoOptions {
  /** In which it runs. */
  readonly folder: string;
  /** From there. */
  readonly configuration: string;
  /** Gets what it says, line by line. */
  log(line: string): void;
}

const READY_S = 30;
const STOP_MS = 5_000;
const RELOAD_MS = 5_000;
const BACK_OFF_FIRST_MS = 500;
const BACK_OFF_MAX_MS = 60_000;
const RUNNING = /^mosquitto version \S+ running$/;
const RELOADING = "Reloading config.";
/** Debian keeps it where users do not look. */
const PATH = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Starts it and waits until it serves. */
export async function startMosquitto(options: MosquittoOptions): Promise<Result<Mosquitto, MosquittoFault>> {
  const program = Bun.which("mosquitto", { PATH });
  if (program === null) return err({ kind: "missing" });
  // Its end comes with ours, however that comes: else the next hub would find its port taken.
  const setpriv = Bun.which("setpriv", { PATH });
  const wrapper = setpriv === null ? [] : [setpriv, "--pdeathsig", "TERM", "--"];
  const child = new Child([...wrapper, program, "-c", options.configuration], options);
  const fault = await child.start();
  if (fault === null) return ok(child);
  await child.stop();
  return err(fault);
}

class Child implements Mosquitto {
  private process: Bun.Subprocess<"ignore", "ignore", "pipe"> | null = null;
  private stopping = false;
  private failures = 0;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private readonly awaited = new Set<(line: string) => void>();
  private last = "";

  constructor(
    private readonly command: readonly string[],
    private readonly options: MosquittoOptions,
  ) {}

  get pid(): number | null {
    return this.process?.pid ?? null;
  }

  async start(): Promise<MosquittoFault | null> {
    const child = Bun.spawn([...this.command], {
      cwd: this.options.folder,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    this.process = child;
    const running = this.line((line) => RUNNING.test(line));
    const told = this.listen(child.stderr);
    const ended = child.exited.then(() => told);
    const first = await Promise.race([
      running.then(() => null),
      ended.then((): MosquittoFault => ({ kind: "ended", said: this.last })),
      Bun.sleep(READY_S * 1000).then((): MosquittoFault => ({ kind: "silent", seconds: READY_S })),
    ]);
    if (first === null) {
      this.failures = 0;
      void ended.then(() => this.ended());
    }
    return first;
  }

  async reload(): Promise<void> {
    const child = this.process;
    if (child === null) return; // it reads everything when it starts again
    const read = this.line((line) => line === RELOADING);
    child.kill("SIGHUP");
    // One thread: whoever comes after this line meets the new rights.
    await Promise.race([read, child.exited, Bun.sleep(RELOAD_MS)]);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.retry !== null) clearTimeout(this.retry);
    const child = this.process;
    if (child === null) return;
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await child.exited;
    clearTimeout(late);
  }

  private ended(): void {
    this.process = null;
    if (this.stopping) return;
    const waitMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** this.failures);
    this.failures += 1;
    this.options.log(`mosquitto ended: started again in ${waitMs} ms`);
    this.retry = setTimeout(() => {
      void this.start().then((fault) => {
        if (fault === null) return;
        this.process?.kill("SIGKILL");
        this.ended();
      });
    }, waitMs);
  }

  /** The next line that fits. */
  private line(fits: (line: string) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (line: string): void => {
        if (!fits(line)) return;
        this.awaited.delete(look);
        resolve();
      };
      this.awaited.add(look);
    });
  }

  private async listen(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = (lines.pop() ?? "").slice(-LINE_CHARS_MAX);
      for (const line of lines) {
        this.last = line;
        this.options.log(line);
        for (const look of this.awaited) look(line);
      }
    }
  }
}

const LINE_CHARS_MAX = 4096;

export function explainMosquitto(fault: MosquittoFault): string {
  switch (fault.kind) {
    case "missing":
      return "start the broker: mosquitto is not installed: on Debian, apt-get install --no-install-recommends mosquitto";
    case "ended":
      return `start the broker: mosquitto ended at once: ${fault.said}`;
    case "silent":
      return `start the broker: mosquitto was not ready after ${fault.seconds} seconds`;
  }
}
