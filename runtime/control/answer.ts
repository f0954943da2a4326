import * as v from "valibot";
import type { Result } from "../result.ts";
import type { ControlResponse } from "./message.ts";
import type { Refusal } from "./ports.ts";

export const ok: ControlResponse = { status: 200, contentType: "application/json", body: "" };
export const nothingToDo: ControlResponse = { ...ok, status: 204 };
export const json = (body: string | Uint8Array): ControlResponse => ({
  status: 200,
  contentType: "application/json",
  body,
});
export const text = (body: string): ControlResponse => ({ status: 200, contentType: "text/plain", body });

/** An error answer in the form of reference 8.1. */
export const refusal = (status: number, why: string, retryAfterSeconds?: number): ControlResponse => ({
  status,
  contentType: "application/json",
  body: JSON.stringify({ Error: why }),
  ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
});

/** What a port gave: shown by `show`, or its refusal. */
export const answered = <T>(result: Result<T, Refusal>, show: (value: T) => ControlResponse): ControlResponse =>
  result.ok ? show(result.value) : refusal(result.error.status, result.error.why, result.error.retryAfterSeconds);

/** The value of a JSON body; null if it is not what `schema` wants. */
export function parse<T>(schema: v.GenericSchema<unknown, T>, body: string): T | null {
  try {
    const result = v.safeParse(schema, JSON.parse(body));
    return result.success ? result.output : null;
  } catch {
    return null; // not JSON
  }
}

const ECHO_CHARACTERS_MAX = 200;
/** Hostile text, short enough to be said back. */
export const short = (said: string): string =>
  said.length > ECHO_CHARACTERS_MAX ? `${said.slice(0, ECHO_CHARACTERS_MAX)}…` : said;
