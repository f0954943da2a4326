import { expect, test } from "bun:test";
import { consoleTerminal } from "../../runtime/boot/debug-shell.ts";

test("the shell is where /dev/console leads to: the last of the console's terminals", () => {
  expect(consoleTerminal("ttyS0\n")).toBe("/dev/ttyS0");
  expect(consoleTerminal("tty0 ttyAMA0\n")).toBe("/dev/ttyAMA0");
  for (const text of ["", "\n", "netcon0/../x\n", "ttyS0 .\n"])
    expect([text, consoleTerminal(text)]).toEqual([text, null]);
});
