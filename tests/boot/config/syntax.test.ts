import { expect, test } from "bun:test";
import { sysctlPath } from "../../../runtime/boot/config/index.ts";
import { parseCommandLine } from "../../../runtime/boot/config/syntax.ts";

test.each([
  [
    "a=1 b",
    [
      { key: "a", value: "1" },
      { key: "b", value: "" },
    ],
  ],
  [
    'a="x y" b=2',
    [
      { key: "a", value: "x y" },
      { key: "b", value: "2" },
    ],
  ],
  [
    '"a=x y" b=2',
    [
      { key: "a", value: "x y" },
      { key: "b", value: "2" },
    ],
  ],
  ['a="open end', [{ key: "a", value: "open end" }]],
  ['a=x"y z"', [{ key: "a", value: 'x"y z"' }]],
  ['a=""', [{ key: "a", value: "" }]],
  ['"', [{ key: "", value: "" }]],
  ["  \t\n", []],
])("the command line %j is split as the kernel splits it", (line, found) => {
  expect(parseCommandLine(line)).toEqual(found);
});

const folders = new Set(["/proc/sys/net", "/proc/sys/net/ipv4", "/proc/sys/kernel", "/proc/sys/net/ipv4/conf"]);
test.each([
  ["PV_SYSCTL_NET_IPV4_IP_FORWARD", "/proc/sys/net/ipv4/ip_forward"],
  ["PV_SYSCTL_KERNEL_CORE_PATTERN", "/proc/sys/kernel/core_pattern"],
  ["PV_SYSCTL_KERNEL", "/proc/sys/kernel"],
  ["PV_SYSCTL_NO_SUCH", "/proc/sys/no_such"],
  ["sysctl.net.ipv4.conf.eth0.rp_filter", "/proc/sys/net/ipv4/conf/eth0/rp_filter"],
])("%s writes %s", (key, path) => {
  expect(sysctlPath(key, (folder) => folders.has(folder))).toBe(path);
});
