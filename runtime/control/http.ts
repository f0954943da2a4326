import type { ControlResponse, RequestHead } from "./message.ts";

/** What the head of a request may cost. */
export const HEAD_BYTES_MAX = 8192;

export interface Head extends RequestHead {
  /** null: it names none, which is an empty body for those who want no stream. */
  readonly bodyBytes: number | null;
  readonly expectsContinue: boolean;
}

/** What can be said about the bytes so far. `chunked`: its body says nothing about its length, which is not taken here. */
export type Progress =
  | { readonly kind: "more" }
  | { readonly kind: "head"; readonly head: Head; readonly headBytes: number }
  | { readonly kind: "malformed" | "tooLarge" | "chunked" };

/** No HTTP method we could ever answer is longer; what does not begin like this is another protocol. */
const METHOD_BEGINNING = /^(?:[A-Z]{0,16}|[A-Z]{1,16} .*)$/s;
/** RFC 9112 section 3, origin form only: a Unix socket has no other use. */
const REQUEST_LINE = /^([A-Z]{1,16}) (\/[\x21-\x7e]*) HTTP\/1\.[01]$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
const CONTENT_LENGTH = /^\d{1,15}$/;

const END_OF_HEAD = Buffer.from("\r\n\r\n");

/**
 * Reads the head of one HTTP/1.x request from the bytes received so far (RFC 9112); call again with all of them when more have come.
 * `headBytes` is where its body begins. What is behind the body is ignored, as each connection serves one request.
 */
export function readHead(bytes: Buffer): Progress {
  if (!METHOD_BEGINNING.test(bytes.toString("latin1", 0, 17))) return { kind: "malformed" };
  const end = bytes.indexOf(END_OF_HEAD);
  if (end > HEAD_BYTES_MAX || (end === -1 && bytes.length > HEAD_BYTES_MAX)) return { kind: "tooLarge" };
  if (end === -1) return { kind: "more" };

  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const [, method, target] = REQUEST_LINE.exec(first) ?? [];
  const headers = readHeaders(lines);
  if (method === undefined || target === undefined || headers === null) return { kind: "malformed" };
  if (headers.has("transfer-encoding")) return { kind: "chunked" };
  const length = headers.get("content-length");
  if (length !== undefined && !CONTENT_LENGTH.test(length)) return { kind: "malformed" };
  const head = {
    method,
    target,
    bodyBytes: length === undefined ? null : Number(length),
    expectsContinue: headers.get("expect")?.toLowerCase() === "100-continue",
  };
  return { kind: "head", head, headBytes: end + END_OF_HEAD.length };
}

/** Names in lower case; null if a line is no header or a header that must be single comes twice. */
function readHeaders(lines: readonly string[]): ReadonlyMap<string, string> | null {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    const key = name.toLowerCase();
    if (key === "content-length" && headers.has(key) && headers.get(key) !== value) return null;
    headers.set(key, value);
  }
  return headers;
}

/** RFC 9110 section 15 names those of reference 8.1. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  409: "Conflict",
  413: "Content Too Large",
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};

/** The bytes of a response after which the connection closes; of a stream only its head. */
export function writeResponse(response: ControlResponse): Buffer {
  const body = typeof response.body === "string" ? Buffer.from(response.body) : response.body;
  const whole = body instanceof Uint8Array;
  const length = whole ? body.byteLength : body.sizeBytes;
  const content = response.status === 204 ? [] : [`Content-Type: ${response.contentType}`, `Content-Length: ${length}`];
  const head = [
    `HTTP/1.1 ${response.status} ${REASONS[response.status] ?? ""}`,
    ...content,
    "Connection: close",
    ...(response.retryAfterSeconds === undefined ? [] : [`Retry-After: ${response.retryAfterSeconds}`]),
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), ...(whole ? [body] : [])]);
}

export const CONTINUE: Buffer = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
