import { type Disk, type DiskResult, explainDiskError } from "../../store/index.ts";
import { deflatedLines } from "../logs/index.ts";
import type { Letter } from "../outbox/index.ts";
import type { CommandResult, FromLink } from "../pipe/index.ts";
import type { Outcome } from "../terms/index.ts";
import {
  type Command,
  decodeCommand,
  encodeCommandResult,
  encodeLogs,
  explainWire,
  limits,
  openSigned,
  type Topic,
} from "../wire/index.ts";
import { type Judgement, judge } from "./judge.ts";
import { OPEN_MAX, openKept } from "./kept.ts";
import { logsShare, type Spent } from "./share.ts";

export interface CommandsPorts {
  readonly disk: Disk;
  /** What is kept is there. */
  readonly folder: string;
  /** The hub's order keys, by epoch. */
  readonly keys: ReadonlyMap<number, Uint8Array>;
  /** Hands a letter to the outbox; false: it could not be kept. */
  post(letter: Omit<Letter, "id">): Promise<boolean>;
  tell(message: FromLink): void;
  warn(message: string): void;
  /** Milliseconds since 1970, never going back. */
  wallMs(): number;
  /** What the budget knows. */
  spent(): Spent;
}

/** What the hub orders to be done, on its way to the runtime; and what it came to, on its way to the hub. Each is done at most once. */
export interface Commands {
  /** Hands on again what was handed on before a restart and was not answered. Once. */
  begin(): void;
  /** An envelope that came. That it was taken is durable before the runtime hears of it. */
  hear(at: Topic<"n/c">, envelope: Uint8Array): Promise<void>;
  /** Something is not answered yet: worth staying connected for. */
  readonly busy: boolean;
  /** The runtime's answer. `resultKept` follows when it is in the outbox. */
  result(result: CommandResult): Promise<void>;
}

type Answer = Pick<CommandResult, "code" | "text">;

const refusals: { readonly [J in Exclude<Judgement, "take" | "replayed">]: Answer } = {
  expired: { code: "expired", text: "it came too late" },
  clockless: { code: "refused", text: "the device does not know the time, and could not end it" },
};

export async function openCommands(ports: CommandsPorts): DiskResult<Commands> {
  const opened = await openKept(ports.disk, ports.folder);
  if (!opened.ok) return opened;
  const kept = opened.value;
  /** Also of those that the disk did not take. */
  let { last } = kept.taken;

  let turn = Promise.resolve();
  /** What changes what is kept comes one after the other. */
  function inTurn(act: () => Promise<void>): Promise<void> {
    turn = turn.then(act);
    return turn;
  }

  const answer = (id: number, { code, text }: Answer): Promise<boolean> =>
    ports.post({ leaf: "u/r", bytes: encodeCommandResult({ id, code, text: bounded(text) }), lasting: true });

  async function take(command: Command): Promise<void> {
    const judgement = judge(last, command, ports.wallMs());
    if (judgement === "replayed") return;
    const { id, operation } = command;
    const { open } = kept.taken;
    const refusal = judgement === "take" ? busy(open.length) : refusals[judgement];
    const opening = { id, operation, arguments: command.arguments };
    last = id;
    const saved = await kept.keep({ last: id, open: refusal === null ? [...open, opening] : open });
    if (!saved.ok) {
      const text = `a command cannot be kept: ${explainDiskError(saved.error)}`;
      ports.warn(text);
      await answer(id, { code: "failed", text });
    } else if (refusal !== null) await answer(id, refusal);
    else ports.tell({ kind: "command", id, operation, argument: command.arguments, again: false });
  }

  /** What the hub is told of lines, after they are in the outbox. Who is told of them waits for them: none are lines, too. */
  async function sendLogs(id: number, { revision, lines }: NonNullable<CommandResult["logs"]>): Promise<Answer> {
    const batch = deflatedLines(lines, logsShare(ports.spent()));
    if (batch === null) return { code: "busy", text: "the budget has no room for lines today" };
    const bytes = encodeLogs({ kind: "requested", revision, deflated: batch.deflated, command: id });
    if (!(await ports.post({ leaf: "u/g", bytes, lasting: true })))
      return { code: "failed", text: "the lines cannot be kept" };
    const left = lines.length - batch.lines;
    return {
      code: "done",
      text: left === 0 ? `${batch.lines} lines` : `the last ${batch.lines} lines; ${left} more did not fit`,
    };
  }

  async function finish({ id, code, text, logs }: CommandResult): Promise<void> {
    const { open } = kept.taken;
    if (open.some((one) => one.id === id)) {
      const said: Answer = logs === null || code !== "done" ? { code, text } : await sendLogs(id, logs);
      if (!(await answer(id, said))) return;
      // A power cut before this makes the hub hear of it twice.
      const saved = await kept.keep({ last: kept.taken.last, open: open.filter((one) => one.id !== id) });
      if (!saved.ok) ports.warn(explainDiskError(saved.error));
    }
    ports.tell({ kind: "resultKept", id });
  }

  return {
    ok: true,
    value: {
      begin() {
        for (const { id, operation, arguments: argument } of kept.taken.open)
          ports.tell({ kind: "command", id, operation, argument, again: true });
      },
      async hear(at, envelope) {
        const read = openSigned(at, envelope, ports.keys);
        const command = read.ok ? decodeCommand(read.value.payload) : read;
        if (!command.ok) return ports.warn(explainWire(command.error));
        return inTurn(() => take(command.value));
      },
      get busy() {
        return kept.taken.open.length > 0;
      },
      result: (result) => inTurn(() => finish(result)),
    },
  };
}

const busy = (open: number): Answer | null =>
  open < OPEN_MAX ? null : { code: "busy" satisfies Outcome, text: `${open} commands are under way` };

/** As much of a sentence as a result takes. */
function bounded(text: string): string {
  let short = text.toWellFormed();
  while (Buffer.byteLength(short) > limits.resultBytesMax) short = short.slice(0, -16).toWellFormed();
  return short;
}
