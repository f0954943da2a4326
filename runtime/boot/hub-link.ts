import {
  allowance,
  FromLink,
  LINE_BYTES_MAX,
  lines,
  readLine,
  type Settings,
  type State,
  type ToLink,
  writtenLine,
} from "../fleet/pipe/index.ts";
import type { Logger } from "../logs/index.ts";
import type { Result } from "../result.ts";
import type { DeviceClock } from "./clock.ts";
import type { HubOrder } from "./hub-commands.ts";
import type { HubMetadata } from "./hub-metadata.ts";
import type { HubWish } from "./hub-revisions.ts";

/** The process that talks to the hub, as process 1 holds it. */
export interface LinkProcess {
  readonly output: AsyncIterable<Uint8Array>;
  say(text: string): void;
  /** How it ended, in words. */
  readonly ended: Promise<string>;
  /** Says no more: it ends by itself. */
  hangUp(): void;
  kill(): void;
}

export interface HubLinkPorts {
  readonly settings: Omit<Settings, "kind" | "clock">;
  readonly clock: DeviceClock;
  readonly log: Logger;
  /** The device as it is now. */
  state(): Promise<State>;
  /** The error is a sentence. */
  start(): Result<LinkProcess, string>;
  /** The link has started, and knows the settings. */
  begun(): void;
  hear(message: HubWish | HubOrder): void;
  readonly metadata: Pick<HubMetadata, "hear">;
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls once, `ms` from now or a little later; the value takes that back. */
  setTimer(ms: number, fire: () => void): () => void;
}

export interface HubLink {
  /** Once. */
  start(): void;
  /** Something of the device's state may be another. */
  changed(): void;
  /** A link that does not run right now is not told. */
  say(message: ToLink): void;
  stop(): void;
}

/** Changes come in crowds. */
const GATHER_MS = 500;
const [FIRST_WAIT_MS, WAIT_MAX_MS] = [1_000, 5 * 60_000];
/** Who runs for so long has not ended for the reason that it has started with. */
const SOUND_MS = 10 * 60_000;

/** Lines of the link's that are taken at once, and how often one more is: the others wait in its pipe, and it with them. */
const [LINES_AT_ONCE, LINE_EVERY_MS] = [200, 20];

/**
 * Keeps the link's process running and tells it of the device. What it says is believed as little as the network: a line that is not what was
 * agreed ends it. That it ends touches nothing else; it starts again, later each time.
 */
export function openHubLink(ports: HubLinkPorts): HubLink {
  const { log, now, setTimer } = ports;
  let process: LinkProcess | null = null;
  let told = "";
  let waitMs = FIRST_WAIT_MS;
  let stopped = false;
  let stopRestart = (): void => {};
  let gathering: (() => void) | null = null;

  function begin(): void {
    const started = ports.start();
    if (!started.ok) {
      again(started.error, 0);
      return;
    }
    const startedMs = now();
    const child = started.value;
    process = child;
    told = "";
    child.say(writtenLine({ kind: "settings", ...ports.settings, clock: ports.clock.now }));
    changed();
    ports.begun();
    listen(child);
    child.ended.then((how) => {
      process = null;
      if (!stopped) again(how, now() - startedMs);
    });
  }

  function again(why: string, ranMs: number): void {
    if (ranMs >= SOUND_MS) waitMs = FIRST_WAIT_MS;
    log.error(`the link to the hub ${why}; it starts again in ${waitMs / 1000} s`);
    stopRestart = setTimer(waitMs, begin);
    waitMs = Math.min(WAIT_MAX_MS, 2 * waitMs);
  }

  async function listen(child: LinkProcess): Promise<void> {
    const may = allowance(LINES_AT_ONCE, LINE_EVERY_MS);
    try {
      for await (const line of lines(child.output, LINE_BYTES_MAX)) {
        const message = readLine(FromLink, line);
        if (!message.ok) throw new Error(message.error.why);
        hear(message.value);
        while (!may(now())) await new Promise<void>((resolve) => setTimer(LINE_EVERY_MS, resolve));
      }
    } catch (thrown) {
      log.error(
        `the link to the hub says what it must not: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      );
      child.kill();
    }
  }

  function hear(message: FromLink): void {
    switch (message.kind) {
      case "waiting":
        log.warn(`this device waits to be accepted by the hub: id ${message.id}, code ${message.code}`);
        return;
      case "joined":
        log.info(`this device is ${message.id} in fleet ${message.fleet}`);
        return;
      case "log":
        log[message.level](message.message);
        return;
      case "clock":
        void setClock(message);
        return;
      case "userMeta":
        ports.metadata.hear(message);
        return;
      default:
        ports.hear(message);
    }
  }

  async function setClock({ atMs, signed }: Extract<FromLink, { kind: "clock" }>): Promise<void> {
    if (signed) await ports.clock.hubSays(atMs);
    else ports.clock.atLeast(atMs);
    say({ kind: "clock", ...ports.clock.now });
  }

  const say = (message: ToLink): void => process?.say(writtenLine(message));

  function changed(): void {
    gathering ??= setTimer(GATHER_MS, () => {
      gathering = null;
      void tell();
    });
  }

  async function tell(): Promise<void> {
    const line = writtenLine(await ports.state());
    if (process === null || line === told) return;
    told = line;
    process.say(line);
  }

  return {
    start: begin,
    changed,
    say,
    stop() {
      stopped = true;
      stopRestart();
      gathering?.();
      process?.hangUp();
    },
  };
}
