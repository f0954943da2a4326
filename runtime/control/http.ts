import type { ControlRequest, ControlResponse } from "./message.ts";

/** What one request may cost. The largest body of the served paths is a command's (reference 8.6). */
export const httpLimits = { headBytesMax: 8192, bodyBytesMax: 4096 } as const;

/** What can be said about the bytes so far; `malformed` and `tooLarge` end the connection. */
export type Progress =
  | { readonly kind: "more"; readonly expectsContinue: boolean }
  | { readonly kind: "complete"; readonly request: ControlRequest }
  | { readonly kind: "malformed" }
  | { readonly kind: "tooLarge" };

/** No HTTP method we could ever answer is longer; what does not begin like this is another protocol. */
const METHOD_BEGINNING = /^(?:[A-Z]{0,16}|[A-Z]{1,16} .*)$/s;
/** RFC 9112 section 3, origin form only: a Unix socket has no other use. */
const REQUEST_LINE = /^([A-Z]{1,16}) (\/[\x21-\x7e]*) HTTP\/1\.[01]$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
const CONTENT_LENGTH = /^\d{1,15}$/;

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads one HTTP/1.x request from the bytes received so far (RFC 9112); call again with all of them when more have come. A body
 * needs `Content-Length`: chunked ones are malformed here. Bytes behind the request are ignored, as each connection serves one.
 */
export function readRequest(bytes: Buffer): Progress {
  if (!METHOD_BEGINNING.test(bytes.toString("latin1", 0, 17))) return { kind: "malformed" };
  const headBytes = bytes.indexOf(END_OF_HEAD);
  if (headBytes > httpLimits.headBytesMax || (headBytes === -1 && bytes.length > httpLimits.headBytesMax)) {
    return { kind: "tooLarge" };
  }
  if (headBytes === -1) return { kind: "more", expectsContinue: false };

  const [first = "", ...lines] = bytes.toString("latin1", 0, headBytes).split("\r\n");
  const [, method, target] = REQUEST_LINE.exec(first) ?? [];
  const headers = readHeaders(lines);
  if (method === undefined || target === undefined || headers === null) return { kind: "malformed" };
  const length = headers.get("content-length") ?? "0";
  if (!CONTENT_LENGTH.test(length) || headers.has("transfer-encoding")) return { kind: "malformed" };
  const bodyBytes = Number(length);
  if (bodyBytes > httpLimits.bodyBytesMax) return { kind: "tooLarge" };

  const body = bytes.subarray(headBytes + END_OF_HEAD.length);
  if (body.length < bodyBytes) {
    return { kind: "more", expectsContinue: headers.get("expect")?.toLowerCase() === "100-continue" };
  }
  try {
    return { kind: "complete", request: { method, target, body: utf8.decode(body.subarray(0, bodyBytes)) } };
  } catch {
    return { kind: "malformed" }; // a body that is not UTF-8 cannot be JSON
  }
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
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  413: "Content Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** The bytes of a response after which the connection closes. */
export function writeResponse(response: ControlResponse): Buffer {
  const body = Buffer.from(response.body);
  const head = [
    `HTTP/1.1 ${response.status} ${REASONS[response.status] ?? ""}`,
    `Content-Type: ${response.contentType}`,
    `Content-Length: ${body.length}`,
    "Connection: close",
    ...(response.retryAfterSeconds === undefined ? [] : [`Retry-After: ${response.retryAfterSeconds}`]),
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

export const CONTINUE: Buffer = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
