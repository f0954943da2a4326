import { expect, test } from "bun:test";
import { explainHost, inUrl, parseHost } from "../../runtime/certificates/index.ts";

const read = (text: string) => {
  const host = parseHost(text);
  if (!host.ok) return explainHost(host.error).slice(-10);
  return host.value.kind === "name" ? host.value.text : Buffer.from(host.value.bytes).toString("hex");
};

test.each([
  ["hub.example", "hub.example"],
  ["HUB", "hub"],
  ["a-1.b", "a-1.b"],
  ["xn--4gbrim", "xn--4gbrim"],
  ["1.2.3.example", "1.2.3.example"],
  ["0.0.0.0", "00000000"],
  ["192.168.1.255", "c0a801ff"],
  ["::", "0".repeat(32)],
  ["::1", "1".padStart(32, "0")],
  ["1::", `0001${"0".repeat(28)}`],
  ["FE80::1:2", "fe80000000000000000000000001" + "0002"],
  ["2001:db8:1:2:3:4:5:6", "20010db8000100020003000400050006"],
  ["::ffff:10.0.0.1", "00000000000000000000ffff0a000001"],
  ["a".repeat(63), "a".repeat(63)],
])("%s is a host", (text, wanted) => expect(read(text)).toBe(wanted));

test.each([
  "",
  ".",
  "a.",
  "a..b",
  "-a",
  "a-",
  "a_b",
  "a b",
  "*.example",
  "a/b",
  "a:1",
  "[::1]",
  "::1%eth0",
  ":::",
  "1::2::3",
  "1.2.3",
  "1.2.3.4.5",
  "1.2.3.256",
  "01.2.3.4",
  "1.2.3.4.",
  "0x7f.1",
  "é.example",
  "a\n",
  "a".repeat(64),
  `${"a.".repeat(127)}a`,
])("%j is no host", (text) => expect(read(text)).toBe("IP address"));

test("in a URL an IPv6 address has brackets", () => {
  const url = (text: string) => {
    const host = parseHost(text);
    return host.ok ? inUrl(host.value) : null;
  };
  expect([url("0::1"), url("127.0.0.1"), url("hub.example")]).toEqual(["[::1]", "127.0.0.1", "hub.example"]);
});
