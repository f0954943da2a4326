import { expect, test } from "bun:test";
import { closeSync, openSync, readSync } from "node:fs";
import { duplicate } from "../../runtime/linux/index.ts";
import { must, mustFail } from "../store/world.ts";

test("a second descriptor outlives the first", () => {
  const first = openSync("/dev/zero", "r");
  const second = must(duplicate(first));
  closeSync(first);
  expect(readSync(second, new Uint8Array(8))).toBe(8);
  closeSync(second);
  expect(mustFail(duplicate(second)).code).toBe("EBADF");
});
