import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HEAD_BYTES_MAX, readHead, writeResponse } from "../../runtime/control/http.ts";

const read = (text: string) => readHead(Buffer.from(text, "latin1"));
const head = (method: string, target: string, bodyBytes: number | null, expectsContinue = false) => ({
  method,
  target,
  bodyBytes,
  expectsContinue,
});

test.each([
  ["GET /containers HTTP/1.0\r\n\r\n", head("GET", "/containers", null)],
  ["GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n", head("GET", "/", null)],
  ["GET / HTTP/1.1\r\nHost:\r\n\r\n", head("GET", "/", null)],
  ["POST /signal HTTP/1.1\r\ncontent-LENGTH:  2 \r\n\r\n{}", head("POST", "/signal", 2)],
  ["POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}GET /", head("POST", "/", 2)],
  ["PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n", head("PUT", "/", 5, true)],
])("%j begins a request", (text, found) => {
  expect(read(text)).toEqual({ kind: "head", head: found, headBytes: text.indexOf("\r\n\r\n") + 4 });
});

test.each(["", "GE", "GET / HTTP/1.1\r\nHost: x"])("%j may become one", (text) => {
  expect(read(text)).toEqual({ kind: "more" });
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
])("%j is refused", (text) => {
  expect(read(text)).toEqual({ kind: "malformed" });
});

test("a body that does not say how long it is is refused as that", () => {
  expect(read("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")).toEqual({ kind: "chunked" });
});

test.each([
  ["without end", `GET / HTTP/1.1\r\nX: ${"x".repeat(HEAD_BYTES_MAX)}`],
  ["with a late end", `GET / HTTP/1.1\r\nX: ${"x".repeat(HEAD_BYTES_MAX)}\r\n\r\n`],
])("a header %s is too large", (_what, text) => {
  expect(read(text)).toEqual({ kind: "tooLarge" });
});

describe("however the bytes are cut", () => {
  const text = "POST /signal HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n";
  test("every true beginning asks for more, the whole is a head", () => {
    for (let end = 0; end < text.length; end++) expect(read(text.slice(0, end))).toEqual({ kind: "more" });
    expect(read(text).kind).toBe("head");
  });

  test("any bytes whatever get a verdict", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.string().map((s) => Buffer.from(`POST / HTTP/1.1\r\n${s}\r\n\r\n`)),
    );
    fc.assert(
      fc.property(bytes, (b) => {
        expect(["more", "head", "malformed", "tooLarge", "chunked"]).toContain(readHead(Buffer.from(b)).kind);
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

test("nothing to do is a response without a body and without its length", () => {
  const bytes = writeResponse({ status: 204, contentType: "application/json", body: "" });
  expect(bytes.toString()).toBe("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
});
