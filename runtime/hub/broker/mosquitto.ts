import { stat } from "node:fs/promises";
import { join } from "node:path";
import { err, ok, type Result } from "../../result.ts";
import { alone, dyingWithUs, EXIT_NOT_ALONE, PROGRAMS } from "../dying-with-us.ts";

export type MosquittoFault =
  | { readonly kind: "missing" }
  /** It ended before it served anybody; what it said last. */
  | { readonly kind: "ended"; readonly said: string }
  | { readonly kind: "silent"; readonly seconds: number }
  /** One that serves in this folder did not end in this time. */
  | { readonly kind: "another"; readonly seconds: number }
  /** It was told to read its files again, and did not say that it does. */
  | { readonly kind: "deaf" };

/** Mosquitto as a child process, started again whenever it ends by itself. */
export interface Mosquitto {
  /** Process id; null: it has ended and starts again soon. */
  readonly pid: number | null;
  /** Makes it read certificates, revocations and rights again; returns when those hold. False: it does not answer. */
  reload(): Promise<boolean>;
  /**
   * Makes it write down sessions and messages, as it does every few minutes and at its end (mosquitto(8), SIGUSR1): whoever listens now is known
   * to the next one, however this one ends.
   */
  save(): void;
  stop(): Promise<void>;
}

export interface MosquittoOptions {
  /** In which it runs. */
  readonly folder: string;
  /** From there. */
  readonly configuration: string;
  /** From there: of OpenSSL. */
  readonly tls: string;
  /** From there: a file that is made, for one of them at a time. */
  readonly lock: string;
  /** From there: what it writes down. */
  readonly kept: string;
  /** It serves, for the first time or again. What it was told since it had written it down, in milliseconds since 1970, is forgotten. */
  serves(keptMs: number): void;
  /** Gets what it says, line by line. */
  log(line: string): void;
}

const READY_MS = 30_000;
/** So long the broker of a hub that was killed may write down what it keeps. */
const ALONE_S = 10;
const STOP_MS = 5_000;
const RELOAD_MS = 5_000;
const BACK_OFF_FIRST_MS = 500;
const BACK_OFF_MAX_MS = 60_000;
const GOOD_WHILE_MS = 60_000;
const RUNNING = /^mosquitto version \S+ running$/;
const RELOADING = "Reloading config.";

/** Starts it and waits until it serves. */
export async function startMosquitto(options: MosquittoOptions): Promise<Result<Mosquitto, MosquittoFault>> {
  const program = Bun.which("mosquitto", { PATH: PROGRAMS });
  if (program === null) return err({ kind: "missing" });
  // One whose hub was killed ends by itself. Until it has, its file of messages is not what it is going to be, and its port is taken.
  const words = [...dyingWithUs("TERM"), ...alone(options.lock, ALONE_S), program, "-c", options.configuration];
  const child = new Child(words, options);
  const fault = await child.start();
  return fault === null ? ok(child) : err(fault);
}

class Child implements Mosquitto {
  private process: Bun.Subprocess<"ignore", "ignore", "pipe"> | null = null;
  private stopping = false;
  /** Ends without a good while of service between them. */
  private failures = 0;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private reloading: Promise<unknown> = Promise.resolve();
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
    const startedMs = performance.now();
    const child = Bun.spawn([...this.command], {
      cwd: this.options.folder,
      env: { ...process.env, OPENSSL_CONF: this.options.tls },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    this.process = child;
    const ended = this.listen(child.stderr).then(() => child.exited);
    const first = await this.line((line) => RUNNING.test(line), READY_MS, ended);
    if (first !== "said") {
      child.kill("SIGKILL");
      await ended;
      if (child.exitCode === EXIT_NOT_ALONE) return { kind: "another", seconds: ALONE_S };
      return first === "ended" ? { kind: "ended", said: this.last } : { kind: "silent", seconds: READY_MS / 1000 };
    }
    this.options.serves(await writtenMs(join(this.options.folder, this.options.kept)));
    void ended.then(() => {
      if (performance.now() - startedMs > GOOD_WHILE_MS) this.failures = 0;
      this.startAgain();
    });
    return null;
  }

  reload(): Promise<boolean> {
    // One after the other: the line that one waits for must not be another's.
    const reloaded = this.reloading.then(() => this.reloadNow());
    this.reloading = reloaded;
    return reloaded;
  }

  private async reloadNow(): Promise<boolean> {
    const child = this.process;
    if (child === null) return true; // it reads everything when it starts again
    child.kill("SIGHUP");
    // It has one thread: whoever comes after this line meets the new rights.
    return (await this.line((line) => line === RELOADING, RELOAD_MS, child.exited)) !== "late";
  }

  save(): void {
    this.process?.kill("SIGUSR1");
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

  private startAgain(): void {
    this.process = null;
    if (this.stopping) return;
    const waitMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** this.failures);
    this.failures += 1;
    this.options.log(`mosquitto ended: started again in ${waitMs} ms`);
    const failed = (why: string): void => {
      this.options.log(why);
      this.startAgain();
    };
    const start = (): void =>
      void this.start().then(
        (fault) => {
          if (fault !== null) failed(explainMosquitto(fault));
        },
        (thrown) => failed(String(thrown)),
      );
    this.retry = setTimeout(start, waitMs);
  }

  /** Waits for a line that fits, or until it ends, so long at most. */
  private async line(
    fits: (line: string) => boolean,
    ms: number,
    ended: Promise<unknown>,
  ): Promise<"said" | "ended" | "late"> {
    const { promise, resolve } = Promise.withResolvers<"said" | "ended" | "late">();
    const look = (line: string): void => {
      if (fits(line)) resolve("said");
    };
    this.awaited.add(look);
    const timer = setTimeout(() => resolve("late"), ms);
    void ended.then(() => resolve("ended"));
    const outcome = await promise;
    clearTimeout(timer); // one that is left would keep the program from ending
    this.awaited.delete(look);
    return outcome;
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

/** 0: it is not there. */
async function writtenMs(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return 0;
  }
}

export function explainMosquitto(fault: MosquittoFault): string {
  switch (fault.kind) {
    case "missing":
      return "start the broker: mosquitto is not installed: on Debian, apt-get install --no-install-recommends mosquitto";
    case "ended":
      return `start the broker: mosquitto ended at once: ${fault.said}`;
    case "silent":
      return `start the broker: mosquitto was not ready after ${fault.seconds} seconds`;
    case "another":
      return `start the broker: another mosquitto works in this folder, and did not end within ${fault.seconds} seconds`;
    case "deaf":
      return "tell the broker who is revoked: mosquitto does not answer: restart the hub";
  }
}
