import { statSync } from "node:fs";
import { err, ok, type Result } from "../../result.ts";

/** An answer of the control API (reference 8.1). */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export type ClientError =
  | { readonly kind: "noSocket"; readonly searched: readonly string[] }
  | { readonly kind: "noAnswer"; readonly socket: string; readonly why: string };

export const explainClientError = (error: ClientError): string =>
  error.kind === "noSocket"
    ? `no control socket at ${error.searched.join(", ")}: run this on a device or in one of its containers, or name a socket with -s`
    : `no answer from ${error.socket} (${error.why}): is the runtime running, and is this user root?`;

/** In the order of reference 8.10: on the host as shipped and as the original's default has it, then in a container. */
const SOCKETS = ["/run/pantavisor/pv/pv-ctrl", "/pv/pv-ctrl", "/pantavisor/pv-ctrl"];

/** The named socket, else the first that exists. */
export function findSocket(named: string | null): Result<string, ClientError> {
  if (named !== null) return ok(named);
  const found = SOCKETS.find((path) => statSync(path, { throwIfNoEntry: false })?.isSocket() === true);
  return found === undefined ? err({ kind: "noSocket", searched: SOCKETS }) : ok(found);
}

/** As long as the original's client waits. */
const ANSWER_MAX_MS = 240_000;

export async function ask(
  socket: string,
  method: "GET" | "PUT" | "POST",
  path: string,
  body: object | null,
): Promise<Result<Answer, ClientError>> {
  try {
    const response = await fetch(`http://localhost${path}`, {
      unix: socket,
      method,
      body: body === null ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MAX_MS),
    });
    return ok({ status: response.status, body: await response.text() });
  } catch (error) {
    return err({ kind: "noAnswer", socket, why: reason(error) });
  }
}

/** The errno's name where there is one: Bun's sentences speak of URLs and ports. */
const reason = (error: unknown): string =>
  error instanceof Error
    ? "code" in error && typeof error.code === "string"
      ? error.code
      : error.message
    : String(error);
