/** A device whose process 1 is played: the real `cairn link` under it, on the device's side of a network. */
import { join } from "node:path";
import { FromLink, LINE_BYTES_MAX, lines, readLine, type ToLink, writtenLine } from "../../runtime/fleet/pipe/index.ts";
import type { Digest } from "../../runtime/state/index.ts";

export interface PlayedDevice {
  say(message: Exclude<ToLink, { kind: "settings" }>): void;
  /** The next message of a kind that nobody has waited for yet. */
  heard<K extends FromLink["kind"]>(kind: K): Promise<Extract<FromLink, { kind: K }>>;
  /** For `stepped-link.main.ts`: its time goes on; the value is how much has passed, in milliseconds. */
  step(): Promise<number>;
  /** As a power cut does it. */
  kill(): Promise<void>;
  /** Says no more, and waits until the link has said farewell. */
  hangUp(): Promise<void>;
}

export interface PlayedDeviceOptions {
  readonly onDevice: readonly string[];
  readonly program: readonly string[];
  readonly hub: { readonly host: string; readonly port: number };
  /** PEM. */
  readonly authority: string;
  readonly token: string;
  /** Stays over a power cut. */
  readonly storage: string;
  readonly mode?: { readonly kind: "always" } | { readonly kind: "wake"; readonly everyMs: number };
  readonly keepaliveS?: number;
  readonly log: (line: string) => void;
}

export function playDevice(options: PlayedDeviceOptions): PlayedDevice {
  const { onDevice, program, hub, authority, token, storage, log } = options;
  const child = Bun.spawn([...onDevice, ...program, "link"], { stdio: ["pipe", "pipe", "inherit", "pipe"] });
  const stepped = lines(Bun.file(child.stdio[3] ?? -1).stream(), LINE_BYTES_MAX);
  const say = (message: ToLink): void => {
    child.stdin.write(writtenLine(message));
    child.stdin.flush();
  };
  const kept: FromLink[] = [];
  let wake = (): void => {};
  void (async () => {
    for await (const line of lines(child.stdout, LINE_BYTES_MAX)) {
      const message = readLine(FromLink, line);
      if (!message.ok) throw new Error(message.error.why);
      if (message.value.kind === "log") log(`link: ${message.value.message}`);
      else kept.push(message.value);
      wake();
    }
  })();
  say({
    kind: "settings",
    hub,
    authority,
    token,
    folder: join(storage, "config"),
    storage,
    reservedPercent: 0,
    mode: options.mode ?? { kind: "always" },
    keepaliveS: options.keepaliveS ?? 1740,
    caps: { dayBytes: null, monthBytes: null },
    clock: { floorMs: 0, guessed: false },
    datagrams: true,
    version: "0.1.0",
  });
  return {
    say,
    async heard<K extends FromLink["kind"]>(kind: K) {
      for (;;) {
        const at = kept.findIndex((one) => one.kind === kind);
        if (at >= 0) return kept.splice(at, 1)[0] as Extract<FromLink, { kind: K }>;
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
    },
    async step() {
      child.kill("SIGUSR2");
      return Number((await stepped.next()).value);
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
    async hangUp() {
      child.stdin.end();
      await child.exited;
    },
  };
}

/** How it is, as process 1 tells it: eight containers. */
export const runningOf = (rev: string, stateDigest: Digest, names: readonly string[] = eight) =>
  ({
    kind: "state",
    running: rev,
    stateDigest,
    status: "DONE",
    containers: names.map((name) => ({ name, status: "READY", goalReached: true })),
    safeMode: false,
    local: false,
  }) as Extract<ToLink, { kind: "state" }>;

const eight = ["web", "broker", "gateway", "modbus", "logger", "vpn", "updater", "metrics"];
