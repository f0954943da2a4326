/** QEMU's machine protocol: JSON lines on a Unix socket (QEMU: docs/interop/qmp-spec.rst). */
import type { Socket } from "bun";
import * as v from "valibot";

// Of these, a message has one: an event, an answer, a refusal; the greeting has none.
const Message = v.object({
  event: v.optional(v.string()),
  data: v.optional(v.object({ reason: v.optional(v.string()) })),
  return: v.optional(v.unknown()),
  error: v.optional(v.object({ desc: v.string() })),
});

export interface Qmp {
  /** Carries out one command; throws QEMU's refusal. */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  close(): void;
}

/** Connects and negotiates. `onEvent` hears of every event with its reason, e.g. ("SHUTDOWN", "guest-reset"). */
export async function connectQmp(path: string, onEvent: (event: string, reason: string) => void): Promise<Qmp> {
  const waiting: { resolve: (value: unknown) => void; reject: (reason: Error) => void }[] = [];
  let rest = "";
  const hear = (line: string): void => {
    const { event, data, return: answer, error } = v.parse(Message, JSON.parse(line));
    if (event !== undefined) onEvent(event, data?.reason ?? "");
    else if (error !== undefined) waiting.shift()?.reject(new Error(`QEMU refuses: ${error.desc}`));
    else if (answer !== undefined) waiting.shift()?.resolve(answer);
  };
  const socket: Socket = await Bun.connect({
    unix: path,
    socket: {
      data: (_, bytes) => {
        const lines = (rest + bytes.toString()).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line.trim() !== "") hear(line);
      },
      close: () => {
        for (const { reject } of waiting.splice(0)) reject(new Error("QEMU is gone"));
      },
    },
  });
  const qmp: Qmp = {
    execute: (command, args = {}) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      waiting.push({ resolve, reject });
      socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
      return promise;
    },
    close: () => socket.end(),
  };
  await qmp.execute("qmp_capabilities");
  return qmp;
}
