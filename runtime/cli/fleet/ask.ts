import * as v from "valibot";
import { quoted } from "../../quoted.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Account } from "./account.ts";

export type AskFault =
  /** The hub said no, in a sentence of its own. */
  | { readonly kind: "refused"; readonly status: number; readonly why: string }
  | { readonly kind: "noAnswer"; readonly address: string; readonly why: string }
  | { readonly kind: "strange"; readonly address: string; readonly what: string };

export interface Question {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** Goes as JSON. */
  readonly body?: unknown;
  /** Goes as it is, in place of `body`. */
  readonly content?: Content;
}

export interface Content {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly sizeBytes: number;
}

const ANSWER_BYTES_MAX = 64 << 20;
/** Without an answer, or while something is sent without the hub taking any of it. */
const WAIT_MS = 30_000;
/** A hub makes durable what it was sent before it answers. */
const KEEP_WAIT_MS = 240_000;
const Refusal = v.object({ error: v.string() });

/** Asks a hub that is known by its authority, and by nothing else, whatever else this machine trusts. */
export const askHub = <T>(
  { address, authority, token }: Account,
  question: Question,
  wanted: v.GenericSchema<unknown, T>,
): Promise<Result<T, AskFault>> => ask(address, { ca: authority }, token, question, wanted);

/** The authority of a hub that is not known yet, in PEM: to be compared with what is known of it before anything else is asked. */
export async function askAuthority(address: string): Promise<Result<string, AskFault>> {
  const wanted = v.object({ authority: v.string() });
  const asked = await ask(address, { rejectUnauthorized: false }, null, { method: "GET", path: "/authority" }, wanted);
  return asked.ok ? ok(asked.value.authority) : asked;
}

async function ask<T>(
  address: string,
  tls: { readonly ca: string } | { readonly rejectUnauthorized: false },
  token: string | null,
  { method, path, body, content }: Question,
  wanted: v.GenericSchema<unknown, T>,
): Promise<Result<T, AskFault>> {
  let status: number;
  let text: string | null;
  const patience = new Patience(WAIT_MS);
  try {
    const response = await fetch(`${address}${path}`, {
      method,
      tls,
      keepalive: false, // a connection that was not checked must not serve a question that wants it checked
      redirect: "manual", // the token is for this hub
      signal: patience.signal,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(content === undefined ? {} : { "content-length": String(content.sizeBytes) }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(content === undefined ? {} : { body: streamOf(content.bytes, patience) }),
    });
    status = response.status;
    text = await textOf(response);
  } catch (thrown) {
    return err({ kind: "noAnswer", address, why: reasonOf(thrown) });
  } finally {
    patience.end();
  }
  if (text === null) return err({ kind: "strange", address, what: `more than ${ANSWER_BYTES_MAX} bytes` });
  const isGood = status >= 200 && status < 300;
  const json = v.pipe(v.string(), v.parseJson());
  const read = v.safeParse(isGood ? v.pipe(json, wanted) : v.pipe(json, Refusal), text);
  if (!read.success) return err({ kind: "strange", address, what: `status ${status} and no answer of a hub` });
  if (isGood) return ok(read.output as T);
  return err({ kind: "refused", status, why: (read.output as v.InferOutput<typeof Refusal>).error });
}

/** Ends what has waited too long since it last went on. */
class Patience {
  private readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout>;

  constructor(ms: number) {
    this.timer = this.start(ms);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  renew(ms: number): void {
    clearTimeout(this.timer);
    this.timer = this.start(ms);
  }

  end(): void {
    clearTimeout(this.timer);
  }

  private start(ms: number) {
    return setTimeout(() => this.controller.abort(new Error(`nothing for ${ms / 1000} seconds`)), ms);
  }
}

/** Reads no faster than it is sent. */
function streamOf(bytes: AsyncIterable<Uint8Array>, patience: Patience): ReadableStream<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next();
      patience.renew(done ? KEEP_WAIT_MS : WAIT_MS);
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await source.return?.();
    },
  });
}

/** Null: too much. */
async function textOf(response: Response): Promise<string | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > ANSWER_BYTES_MAX) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = "code" in thrown ? String(thrown.code) : thrown.name;
  return thrown.message === "" ? code : `${code}: ${thrown.message}`;
}

export function explainAsk(fault: AskFault): string {
  switch (fault.kind) {
    case "refused":
      return `the hub refuses: ${fault.why}`;
    case "noAnswer":
      return `no answer from ${fault.address} (${fault.why})`;
    case "strange":
      return `${fault.address} answers ${quoted(fault.what)}: is it a hub?`;
  }
}
