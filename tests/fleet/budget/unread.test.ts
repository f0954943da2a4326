import { expect, test } from "bun:test";
import { unreadBytesMax } from "../../../runtime/fleet/budget/index.ts";

test.each([
  ["a small day", { dayBytes: 50_000, monthBytes: null }, 5_000],
  ["a small month", { dayBytes: null, monthBytes: 1_000_000 }, 5_000],
  ["the smaller of both", { dayBytes: 200_000_000, monthBytes: 100_000_000 }, 25_000],
  ["a large day", { dayBytes: 100_000_000, monthBytes: null }, 25_000],
  ["a day that is hardly bounded", { dayBytes: 1e12, monthBytes: null }, 65_536],
  ["nothing", { dayBytes: null, monthBytes: null }, 65_536],
] as const)("%s is passed by one packet or a thousandth", (_, caps, bytes) => {
  expect(unreadBytesMax(caps, 20_000)).toBe(bytes);
});
