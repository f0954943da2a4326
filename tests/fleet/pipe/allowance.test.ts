import { expect, test } from "bun:test";
import { allowance } from "../../../runtime/fleet/pipe/index.ts";

test("so much may be done at once, and one more for each time that passes, which is not saved up", () => {
  const may = allowance(3, 100);
  const often = (atMs: number): number => {
    let count = 0;
    while (may(atMs)) count += 1;
    return count;
  };
  expect(often(5_000)).toBe(3);
  expect(often(5_099)).toBe(0);
  expect(often(5_100)).toBe(1);
  expect(often(5_350)).toBe(2);
  expect(often(5_400)).toBe(1); // the halves count
  expect(often(1_000_000)).toBe(3);
});
