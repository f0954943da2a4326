import { expect, test } from "bun:test";
import { inUrl, withoutBrackets } from "../runtime/address.ts";

test.each([
  ["hub.example", "hub.example:8443"],
  ["192.0.2.1", "192.0.2.1:8443"],
  ["::1", "[::1]:8443"],
  ["::ffff:192.0.2.1", "[::ffff:192.0.2.1]:8443"],
  ["fe80::1%eth0", "fe80%3A%3A1%25eth0:8443"],
  ["a b\r\nx: y", "a%20b%0D%0Ax%3A%20y:8443"],
  ["hub/path?x", "hub%2Fpath%3Fx:8443"],
])("%j stands in a URL as %s", (host, text) => {
  expect(inUrl({ host, port: 8443 })).toBe(text);
});

test.each([
  ["[2001:db8::1]", "2001:db8::1"],
  ["2001:db8::1", "2001:db8::1"],
  ["hub.example", "hub.example"],
  ["[hub.example]", "[hub.example]"],
  ["[]", "[]"],
  ["[::1]:8443", "[::1]:8443"],
])("%s names %s", (text, host) => {
  expect(withoutBrackets(text)).toBe(host);
});
