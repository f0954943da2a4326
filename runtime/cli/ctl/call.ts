import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { type Command, command, flag, type Operand, type Out } from "../command.ts";
import { type Client, explainClientError, openClient } from "./client.ts";
import type { Body, Method } from "./exchange.ts";
import { EXIT, exitOf, exits } from "./exits.ts";
import { plain, type Show } from "./tables.ts";

/** Flags of every command, with the letters of the original's client. */
export const common = {
  socket: flag.text("control socket to talk to; otherwise the usual places are searched", "s"),
  verbose: flag.switch("say on stderr what is asked and answered", "v"),
} as const;

/** Flags of commands that show something. */
export const showing = {
  ...common,
  json: flag.switch("print the answer of the control API as it is"),
  outfile: flag.text("file to write to, instead of stdout", "f"),
} as const;

interface Common {
  readonly socket: string | null;
  readonly verbose: boolean;
}

export const clientOf = ({ socket, verbose }: Common, out: Out): Client =>
  openClient(socket, (line) => {
    if (verbose) out.complain(line);
  });

export interface Call {
  readonly method: Method;
  readonly path: string;
  readonly body?: string | Body;
  readonly about?: "object";
}

/** Asks the device; the answer's body, or the exit code after saying on stderr why there is none. */
export async function answerTo(
  client: Client,
  call: Call,
  out: Out,
): Promise<{ readonly body: string } | { readonly exit: number }> {
  const answer = await client.ask(call.method, call.path, call.body);
  if (!answer.ok) {
    out.complain(explainClientError(answer.error));
    return { exit: EXIT.other };
  }
  const { status, body } = answer.value;
  const exit = exitOf(status, call.about);
  if (exit === EXIT.done) return { body };
  out.complain(body === "" ? refusedWithoutWords(status) : body);
  return { exit };
}

/** 204: the device is as it was wished to be, which the original's client counts as a refusal (reference 8.1, 8.10). */
const refusedWithoutWords = (status: number): string =>
  status === 204 ? "nothing to do: it is so already" : `the device answered ${status}`;

/** Asks for something that has no answer but yes or no. */
export async function tell(values: Common, call: Call, out: Out): Promise<number> {
  const answer = await answerTo(clientOf(values, out), call, out);
  if ("exit" in answer) return answer.exit;
  if (answer.body !== "") out.print(plain(answer.body) ?? "");
  return EXIT.done;
}

/** Asks for something to see, and prints it or writes it to a file. */
export async function see(
  values: Common & { readonly json: boolean; readonly outfile: string | null },
  call: Call,
  show: Show,
  out: Out,
): Promise<number> {
  const answer = await answerTo(clientOf(values, out), call, out);
  if ("exit" in answer) return answer.exit;
  const shown = values.json ? plain(answer.body) : show(answer.body);
  if (shown === null) {
    out.complain("the answer is not what this version knows; --json prints it as it is");
    return EXIT.other;
  }
  if (values.outfile !== null) return writeOut(values.outfile, [Buffer.from(`${shown}\n`)], out);
  if (shown !== "") out.print(shown);
  return EXIT.done;
}

/** Writes a file; when it cannot, or the source breaks off, it says so and gives the exit code. */
export async function writeOut(
  path: string,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  out: Out,
): Promise<number> {
  const file = createWriteStream(path);
  try {
    await once(file, "open");
    for await (const chunk of bytes) if (!file.write(chunk)) await once(file, "drain");
    file.end();
    await once(file, "close");
    return EXIT.done;
  } catch (error) {
    file.destroy();
    out.complain(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.other;
  }
}

/** A command that shows what one path answers. */
export const list = (name: string, summary: string, example: string, path: string, show: Show): Command =>
  command(name, {
    aliases: name === "ls" ? ["list"] : [],
    summary,
    example,
    flags: showing,
    operands: {},
    exits,
    run: (values, out) => see(values, { method: "GET", path }, show, out),
  });

/** A command with one operand that asks for something to be done. */
export const order = <O extends Operand>(
  name: string,
  spec: {
    readonly summary: string;
    readonly example: string;
    readonly operand: readonly [name: string, operand: O];
    readonly call: (value: O extends Operand<true> ? string : string | null) => Call;
  },
): Command =>
  command(name, {
    summary: spec.summary,
    example: spec.example,
    flags: common,
    operands: { [spec.operand[0]]: spec.operand[1] },
    exits,
    run: (values, out) => {
      const value = (values as Readonly<Record<string, string | null>>)[spec.operand[0]] ?? null;
      // The parser fills a needed operand with text, an optional one with text or null.
      return tell(values, spec.call(value as Parameters<typeof spec.call>[0]), out);
    },
  });
