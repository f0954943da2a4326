import { expect, test } from "bun:test";
import { judge } from "../../../runtime/fleet/commands/judge.ts";
import { logsShare } from "../../../runtime/fleet/commands/share.ts";
import { operations } from "../../../runtime/fleet/terms/index.ts";
import { limits } from "../../../runtime/fleet/wire/index.ts";

const NOW_MS = Date.UTC(2026, 10, 26);
const command = { id: 9, operation: "reboot", arguments: "", expiry: NOW_MS / 1000 + 60 } as const;

test("a command is taken until it expires, and only with a higher id than any before", () => {
  expect(judge(8, command, NOW_MS)).toBe("take");
  expect(judge(8, command, command.expiry * 1000 - 1)).toBe("take");
  expect(judge(8, command, command.expiry * 1000)).toBe("expired");
  expect(judge(9, command, NOW_MS)).toBe("replayed");
  expect(judge(10, { ...command, expiry: 0 }, NOW_MS)).toBe("replayed");
});

test("who has no clock takes everything but what only a clock would close again", () => {
  for (const operation of operations) {
    const expected = operation === "debugAccess" ? "clockless" : "take";
    for (const expiry of [0, command.expiry])
      expect(judge(8, { ...command, operation, expiry }, 60_000)).toBe(expected);
    expect(judge(9, { ...command, operation }, 60_000)).toBe("replayed");
  }
});

test("log lines leave half of a day's bytes to everything else", () => {
  const none = { dayBytes: 0, monthBytes: 0, waitingBytes: 0 };
  const share = (caps: [number | null, number | null], spent: Partial<typeof none> = {}) =>
    logsShare({ caps: { dayBytes: caps[0], monthBytes: caps[1] }, ...none, ...spent });
  expect(share([null, null], { dayBytes: 1e12, monthBytes: 1e12, waitingBytes: 1e6 })).toBe(limits.logsBytesMax);
  expect(share([100_000, null])).toBe(limits.logsBytesMax);
  expect(share([20_000, null])).toBe(9_500);
  expect(share([20_000, null], { dayBytes: 4_000, waitingBytes: 1_000 })).toBe(4_500);
  expect(share([20_000, null], { dayBytes: 10_000 })).toBeLessThanOrEqual(0);
  expect(share([null, 600_000])).toBe(limits.logsBytesMax);
  expect(share([null, 600_000], { monthBytes: 585_000 })).toBe(4_500);
  expect(share([20_000, 600_000], { monthBytes: 585_000 })).toBe(4_500);
});
