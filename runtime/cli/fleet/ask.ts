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
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly body?: unknown;
}

const ANSWER_BYTES_MAX = 64 << 20;
const WAIT_MS = 30_000;
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
  { method, path, body }: Question,
  wanted: v.GenericSchema<unknown, T>,
): Promise<Result<T, AskFault>> {
  let status: number;
  let text: string | null;
  try {
    const response = await fetch(`${address}${path}`, {
      method,
      tls,
      keepalive: false, // a connection that was not checked must not serve a question that wants it checked
      redirect: "manual", // the token is for this hub
      signal: AbortSignal.timeout(WAIT_MS),
      ...(token === null ? {} : { headers: { authorization: `Bearer ${token}` } }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    status = response.status;
    text = await textOf(response);
  } catch (thrown) {
    return err({ kind: "noAnswer", address, why: reasonOf(thrown) });
  }
  if (text === null) return err({ kind: "strange", address, what: `more than ${ANSWER_BYTES_MAX} bytes` });
  const isGood = status >= 200 && status < 300;
  const json = v.pipe(v.string(), v.parseJson());
  const read = v.safeParse(isGood ? v.pipe(json, wanted) : v.pipe(json, Refusal), text);
  if (!read.success) return err({ kind: "strange", address, what: `status ${status} and no answer of a hub` });
  if (isGood) return ok(read.output as T);
  return err({ kind: "refused", status, why: (read.output as v.InferOutput<typeof Refusal>).error });
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
