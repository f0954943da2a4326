import { statSync } from "node:fs";
import { err, ok, type Result } from "../../result.ts";
import { type Body, exchange, type Method, type Response } from "./exchange.ts";
import { WireBroken } from "./wire.ts";

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
function findSocket(named: string | null): Result<string, ClientError> {
  if (named !== null) return ok(named);
  const found = SOCKETS.find((path) => statSync(path, { throwIfNoEntry: false })?.isSocket() === true);
  return found === undefined ? err({ kind: "noSocket", searched: SOCKETS }) : ok(found);
}

/** Far above what a device with a thousand revisions lists; bounds what an answer may take of memory. */
const ANSWER_BYTES_MAX = 64 << 20;

export interface Client {
  /** Asks and reads the whole answer. `body` is text or a stream of known length. */
  ask(method: Method, path: string, body?: string | Body): Promise<Result<Answer, ClientError>>;
  /** Asks for something large. */
  open(method: Method, path: string): Promise<Result<Response, ClientError>>;
}

/** A client of the socket `named`, or of the one that is found. `trace` hears of every request and its answer. */
export function openClient(named: string | null, trace: (line: string) => void): Client {
  const open = async (method: Method, path: string, body: Body | null): Promise<Result<Response, ClientError>> => {
    const socket = findSocket(named); // each time: where the runtime starts again, its socket is new
    if (!socket.ok) return socket;
    const response = await exchange(socket.value, method, path, body);
    trace(`${socket.value}: ${method} ${path}: ${response.ok ? response.value.status : response.error}`);
    return response.ok ? response : err({ kind: "noAnswer", socket: socket.value, why: response.error });
  };
  return {
    open: (method, path) => open(method, path, null),
    async ask(method, path, body) {
      const response = await open(
        method,
        path,
        body === undefined ? null : typeof body === "string" ? text(body) : body,
      );
      if (!response.ok) return response;
      const gathered = await gather(response.value);
      return gathered.ok ? gathered : err({ kind: "noAnswer", socket: named ?? "the runtime", why: gathered.error });
    },
  };
}

/** A text as the body of a request. */
export function text(content: string): Body {
  const bytes = Buffer.from(content);
  return { sizeBytes: bytes.byteLength, bytes: [bytes] };
}

async function gather({ status, bytes }: Response): Promise<Result<Answer, string>> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const part of bytes) {
      sizeBytes += part.byteLength;
      if (sizeBytes > ANSWER_BYTES_MAX) return err("its answer is too long");
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof WireBroken) return err(error.message);
    throw error;
  }
  return ok({ status, body: Buffer.concat(parts).toString("utf8") });
}

/** The path of a revision: its components are encoded, its slashes are not. */
export const stepPath = (rev: string): string => `/steps/${rev.split("/").map(encodeURIComponent).join("/")}`;

/** A path component of the API. */
export const component = encodeURIComponent;
