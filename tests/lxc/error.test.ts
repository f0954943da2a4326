import { expect, test } from "bun:test";
import { hintFromLog } from "../../runtime/lxc/error.ts";
import { explainLxc } from "../../runtime/lxc/index.ts";
import { isKnownVersion } from "../../runtime/lxc/library.ts";

test.each([
  ["5.0.2", true],
  ["6.0.6", true],
  ["4.0.12", false],
  ["7.0.0", false],
  ["50.1", false],
  ["", false],
])("liblxc %p: known is %p", (version, known) => expect(isKnownVersion(version)).toBe(known));

const log = `lxc 20261123072032.700 INFO     conf - ../src/lxc/conf.c:lxc_setup:4518 - all is well
lxc web 20261123072032.793 ERROR    start - ../src/lxc/start.c:start:2197 - No such file or directory - Failed to exec "/nope"
lxc 20261123072032.794 ERROR    start - ../src/lxc/start.c:__lxc_start:2107 - Failed to spawn container "e"
`;

test("the first error in a log is the cause", () => {
  expect(hintFromLog(log)).toBe('No such file or directory - Failed to exec "/nope"');
  expect(hintFromLog("")).toBe("");
});

test("an incomplete AppArmor gets its advice", () => {
  const lines = [
    "WARNING: Incomplete AppArmor support in your kernel",
    "If you really want to start this container, set",
    "lxc.apparmor.allow_incomplete = 1",
  ].map(
    (text) =>
      `lxc web 20261123072032.793 ERROR    apparmor - ../src/lxc/lsm/apparmor.c:apparmor_prepare:1130 - ${text}`,
  );
  expect(hintFromLog(lines.join("\n"))).toStartWith(
    "WARNING: Incomplete AppArmor support in your kernel; the kernel's AppArmor lacks",
  );
  expect(hintFromLog(lines.join("\n"))).toContain("apparmor=0");
});

test("a console that cannot be made points at devpts", () => {
  const line = "lxc 20261123072032.793 ERROR    terminal - ../src/lxc/terminal.c:x:1 - Failed to allocate console";
  expect(hintFromLog(line)).toBe("Failed to allocate console; is devpts mounted at /dev/pts?");
});

test("each error says what failed and what to do", () => {
  expect([
    explainLxc({ kind: "lxcMissing", detail: "liblxc.so.1: cannot open shared object file" }),
    explainLxc({ kind: "lxcVersion", version: "4.0.12" }),
    explainLxc({
      kind: "lxc",
      call: "setConfigItem",
      container: "web",
      args: { key: "lxc.x", value: "1" },
      errorNumber: 0,
      hint: "",
    }),
    explainLxc({ kind: "lxc", call: "start", container: "web", args: {}, errorNumber: 1, hint: "no rootfs" }),
  ]).toEqual([
    "liblxc.so.1 cannot be loaded (liblxc.so.1: cannot open shared object file): install liblxc 5.0 to 6.x",
    "liblxc 4.0.12 is installed, Cairn knows 5.0 to 6.x: install one of these",
    'container web: setConfigItem(key="lxc.x", value="1") failed',
    "container web: start() failed (error 1): no rootfs",
  ]);
});
