import { expect, test } from "bun:test";
import { argumentProblem, nextId, stateOf } from "../../../runtime/hub/commands/wish.ts";
import type { KeptCommand } from "../../../runtime/hub/database/index.ts";

test.each([
  ["reboot", [""], ["now"]],
  ["gc", [""], [" "]],
  ["restartContainer", ["web", "a.b_c-1"], ["", "../web", "web 1", "x".repeat(65)]],
  ["logs", ["1", "1000", "web 200"], ["", "0", "1001", "01", "web", "web 0", "../web 5", "web  5", "5 web", "-1"]],
  ["debugAccess", ["60", "86400", "0"], ["", "59", "00", "86401", "1h", "-60", "6e3"]],
] as const)("%s takes what it is for, and nothing else", (operation, good, bad) => {
  for (const argument of good) expect([argument, argumentProblem(operation, argument)]).toEqual([argument, null]);
  for (const argument of bad) {
    expect([argument, argumentProblem(operation, argument)]).toEqual([argument, expect.any(String)]);
  }
});

test("a command waits, is sent, and is then done or expired", () => {
  const command = { expiryMs: 100, publishedMs: null, answer: null } as KeptCommand;
  expect(stateOf(command, 99)).toBe("waiting");
  expect(stateOf({ ...command, publishedMs: 5 }, 99)).toBe("sent");
  expect(stateOf({ ...command, publishedMs: 5 }, 100)).toBe("expired");
  const answered = (code: "done" | "failed" | "expired") => ({ ...command, answer: { code, text: "", atMs: 9 } });
  expect(stateOf(answered("failed"), 200)).toBe("done");
  expect(stateOf(answered("expired"), 50)).toBe("expired");
});

test("numbers rise, also when many come in a second, the clock goes back, or the hub has forgotten what it gave", () => {
  const nowMs = Date.UTC(2026, 10, 26);
  const first = nextId(0, nowMs);
  expect(first).toBe(nowMs / 1000);
  expect(nextId(first, nowMs)).toBe(first + 1);
  expect(nextId(first, nowMs - 86_400_000)).toBe(first + 1);
  expect(nextId(0, nowMs + 5_000)).toBeGreaterThan(first + 1);
});
