import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { httpLimits, readRequest, writeResponse } from "../../runtime/control/http.ts";

const read = (text: string) => readRequest(Buffer.from(text, "latin1"));
const complete = (method: string, target: string, body = "") => ({
  kind: "complete" as const,
  request: { method, target, body },
});
const more = { kind: "more" as const, expectsContinue: false };

test.each([
  ["GET /containers HTTP/1.0\r\n\r\n", complete("GET", "/containers")],
  ["GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n", complete("GET", "/")],
  ["GET / HTTP/1.1\r\nHost:\r\n\r\n", complete("GET", "/")],
  ["POST /signal HTTP/1.1\r\ncontent-LENGTH:  2 \r\n\r\n{}", complete("POST", "/signal", "{}")],
  [
    "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n",
    complete("POST", "/", "{}"),
  ],
])("%j is a request", (text, found) => {
  expect(read(text)).toEqual(found);
});

test.each([
  ["", more],
  ["GE", more],
  ["GET / HTTP/1.1\r\nHost: x", more],
  ["POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n{}", more],
  [
    "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    { kind: "more" as const, expectsContinue: true },
  ],
])("%j may become one", (text, found) => {
  expect(read(text)).toEqual(found);
});

test.each([
  "\x00\x01garbage",
  "get / HTTP/1.1\r\n\r\n",
  "A".repeat(17),
  "GET / HTTP/2.0\r\n\r\n",
  "GET /a b HTTP/1.1\r\n\r\n",
  "GET http://localhost/ HTTP/1.1\r\n\r\n",
  "GET /\x00 HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\r\nno colon\r\n\r\n",
  "GET / HTTP/1.1\r\n folded: x\r\n\r\n",
  "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
  "POST / HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n",
  "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n\xff",
])("%j is refused", (text) => {
  expect(read(text)).toEqual({ kind: "malformed" });
});

test.each([
  ["a header without end", `GET / HTTP/1.1\r\nX: ${"x".repeat(httpLimits.headBytesMax)}`],
  ["a header with a late end", `GET / HTTP/1.1\r\nX: ${"x".repeat(httpLimits.headBytesMax)}\r\n\r\n`],
  ["a body announced too large", `POST / HTTP/1.1\r\nContent-Length: ${httpLimits.bodyBytesMax + 1}\r\n\r\n`],
  ["a body beyond all numbers", `POST / HTTP/1.1\r\nContent-Length: ${"9".repeat(15)}\r\n\r\n`],
])("%s is too large", (_what, text) => {
  expect(read(text)).toEqual({ kind: "tooLarge" });
});

test("a body of the greatest size is read", () => {
  const body = "x".repeat(httpLimits.bodyBytesMax);
  expect(read(`POST / HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`)).toEqual(complete("POST", "/", body));
});

describe("however the bytes are cut", () => {
  const text = 'POST /signal HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n{"type":"ready"}';
  test("every true beginning asks for more, the whole is complete", () => {
    for (let end = 0; end < text.length; end++) expect(read(text.slice(0, end))).toEqual(more);
    expect(read(text)).toEqual(complete("POST", "/signal", '{"type":"ready"}'));
  });

  test("any bytes whatever get a verdict", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.string().map((s) => Buffer.from(`POST / HTTP/1.1\r\n${s}\r\n\r\n`)),
    );
    fc.assert(
      fc.property(bytes, (b) => {
        expect(["more", "complete", "malformed", "tooLarge"]).toContain(readRequest(Buffer.from(b)).kind);
      }),
    );
  });
});

test("a response counts its body in bytes and says when to try again", () => {
  const bytes = writeResponse({ status: 503, contentType: "application/json", body: "ü", retryAfterSeconds: 120 });
  expect(bytes.toString()).toBe(
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" +
      "Connection: close\r\nRetry-After: 120\r\n\r\nü",
  );
});
