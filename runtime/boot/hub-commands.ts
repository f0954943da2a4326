import type { CommandAnswer, Device, PowerAnswer } from "../control/index.ts";
import {
  type Command,
  type CommandResult,
  type FromLink,
  LOG_LINES_BYTES_MAX,
  type ToLink,
} from "../fleet/pipe/index.ts";
import type { Logger } from "../logs/index.ts";
import { unreachable } from "../result.ts";
import { parseContainerName, type RevisionName } from "../state/index.ts";
import type { DebugAccess } from "./debug-access/index.ts";

export interface HubCommandsPorts {
  /** What the control sockets ask, too. */
  readonly control: Pick<Device, "containers" | "request" | "commands" | "storage">;
  readonly debugAccess: Pick<DebugAccess, "open" | "close">;
  readonly log: Pick<Logger, "info" | "warn">;
  /** Why the device cannot be asked to restart now; null: it can. */
  restartRefusal(): Extract<PowerAnswer, { kind: "busy" }> | null;
  /** As {@link Logs.lastLines}, of the running revision. */
  lastLines(container: string, source: string, count: number): readonly string[];
  /** The running revision. */
  running(): RevisionName;
  /** Tells the link, if it runs. */
  say(message: ToLink): void;
  /** Calls once, `ms` from now or a little later; the value takes that back. */
  setTimer(ms: number, fire: () => void): () => void;
}

/** What the link says that concerns commands. */
export type HubOrder = Extract<FromLink, { kind: "command" | "resultKept" }>;

/** Carries out what the hub orders, each command once. */
export interface HubCommands {
  hear(message: HubOrder): void;
}

type Answer = Pick<CommandResult, "code" | "text"> & Partial<Pick<CommandResult, "logs">>;

/** A device whose link does not answer restarts all the same: the next boot says so. */
const KEPT_WITHIN_MS = 10_000;
/** As many as one link has under way, and those of the links before it. */
const ANSWERS_MAX = 32;
const LINES_MAX = 1000;
const DEBUG_SECONDS_MAX = 86_400;
/** The runtime's own log, and a container's (reference 11.3). */
const OWN = ["pantavisor", "pantavisor.log"] as const;
const CONSOLE = "lxc/console.log";

export function openHubCommands(ports: HubCommandsPorts): HubCommands {
  const { control, log, say } = ports;
  /** Of commands of this boot, until the hub is sure to get it; null: it is under way. */
  const answers = new Map<number, CommandResult | null>();
  const waiting = new Map<number, () => void>();

  function answer(id: number, { code, text, logs = null }: Answer): void {
    const result: CommandResult = { kind: "result", id, code, text: text.slice(0, TEXT_CHARS_MAX), logs };
    answers.set(id, result);
    for (const oldest of answers.keys()) {
      if (answers.size <= ANSWERS_MAX) break;
      answers.delete(oldest);
    }
    log.info(`command ${id} of the hub: ${code}${text === "" ? "" : `, ${text}`}`);
    say(result);
  }

  async function begin({ id, operation, argument }: Command): Promise<void> {
    answers.set(id, null);
    log.info(`command ${id} of the hub: ${operation}${argument === "" ? "" : ` ${argument}`}`);
    if (operation === "reboot") return restart(id);
    answer(id, await carriedOut(operation, argument));
  }

  /** The answer is on its way before the device goes down; what goes down could not say it. */
  async function restart(id: number): Promise<void> {
    const refused = ports.restartRefusal();
    if (refused !== null) return answer(id, { code: "busy", text: refused.why });
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.set(id, resolve);
    const stopTimer = ports.setTimer(KEPT_WITHIN_MS, resolve);
    answer(id, { code: "done", text: "the device restarts" });
    await promise;
    stopTimer();
    waiting.delete(id);
    const taken = await control.commands.command("REBOOT_DEVICE", `command ${id} of the hub`);
    if (taken.kind !== "accepted") log.warn(`command ${id} of the hub came to nothing: ${answerOf(taken).text}`);
  }

  async function carriedOut(operation: Exclude<Command["operation"], "reboot">, argument: string): Promise<Answer> {
    switch (operation) {
      case "restartContainer": {
        const refused = control.request(argument, "restart");
        if (refused === null) return { code: "done", text: `container ${argument} restarts` };
        return { code: refused.kind === "shuttingDown" ? "busy" : "refused", text: refused.why };
      }
      case "gc": {
        const collected = await control.storage.collectGarbage();
        if (collected.ok) return { code: "done", text: `${collected.value} bytes came free` };
        return answerOf({ kind: "refused", ...collected.error });
      }
      case "logs":
        return logLines(argument);
      case "debugAccess":
        return debugFor(argument);
      default:
        return unreachable(operation);
    }
  }

  /** 0 seconds end it. */
  async function debugFor(argument: string): Promise<Answer> {
    const seconds = /^\d{1,5}$/.test(argument) ? Number(argument) : Number.POSITIVE_INFINITY;
    if (seconds > DEBUG_SECONDS_MAX)
      return { code: "refused", text: `wanted a number of seconds from 0 to ${DEBUG_SECONDS_MAX}` };
    if (seconds === 0)
      return { code: "done", text: (await ports.debugAccess.close()) ? "debug access is closed" : "it was closed" };
    const opened = await ports.debugAccess.open(seconds * 1000);
    return opened.ok ? { code: "done", text: opened.value } : { code: opened.error.kind, text: opened.error.why };
  }

  function logLines(argument: string): Answer {
    const [, named, count] = /^(?:(\S+) )?(\d{1,4})$/.exec(argument) ?? [];
    const wanted = Number(count);
    if (count === undefined || wanted < 1 || wanted > LINES_MAX)
      return {
        code: "refused",
        text: `wanted a number of lines from 1 to ${LINES_MAX}, maybe after a container's name`,
      };
    const container = named === undefined ? null : parseContainerName(named);
    if (named !== undefined && !control.containers().some(({ name }) => name === container))
      return { code: "refused", text: `no container of the running revision is called ${named}` };
    const lines = container === null ? ports.lastLines(...OWN, wanted) : ports.lastLines(container, CONSOLE, wanted);
    return { code: "done", text: "", logs: { revision: ports.running(), lines: newest(lines) } };
  }

  return {
    hear(message) {
      const { id } = message;
      if (message.kind === "resultKept") {
        answers.delete(id);
        waiting.get(id)?.();
        return;
      }
      const known = answers.get(id);
      if (known != null) return say(known);
      if (known === null) return; // it answers when it is done
      if (!message.again) return void begin(message);
      // An earlier boot was told, and did not come to an answer.
      if (message.operation === "reboot") return answer(id, { code: "done", text: "the device has restarted" });
      answer(id, { code: "failed", text: "the device restarted meanwhile" });
    },
  };
}

const TEXT_CHARS_MAX = 1024;

function answerOf(given: CommandAnswer): Answer {
  switch (given.kind) {
    case "accepted":
    case "nothingToDo":
      return { code: "done", text: "" };
    case "busy":
      return { code: "busy", text: given.why };
    case "refused":
      return { code: given.status === 500 || given.status === 507 ? "failed" : "refused", text: given.why };
  }
}

/** As many as a line to the link holds. */
function newest(lines: readonly string[]): string[] {
  let bytes = 0;
  let from = lines.length;
  while (from > 0) {
    bytes += Buffer.byteLength(lines[from - 1] ?? "") + 1;
    if (bytes > LOG_LINES_BYTES_MAX) break;
    from -= 1;
  }
  return lines.slice(from);
}
