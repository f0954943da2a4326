import { expect, test } from "bun:test";
import { BLOCKS_MAX, type Bucket, blocksFor, isFull, take } from "../../../runtime/hub/blocks/index.ts";
import type { Digest } from "../../../runtime/state/index.ts";

const parcel = { digest: "ab".repeat(32) as Digest, bytes: 10_000 };
const begun = "ab".repeat(8);
const range = (from: number, count: number) => ({ from, count });

test.each([
  ["what is missing, in order", [range(1, 2), range(7, 1)], begun, [1, 2, 7]],
  ["nothing beyond the parcel's end", [range(8, 100), range(200, 4)], begun, [8, 9]],
  ["the first block first, when the device has none yet", [range(3, 1)], null, [0, 3]],
  ["the first block first, when the device has another parcel", [range(3, 1)], "cd".repeat(8), [0, 3]],
  ["the first block once", [range(0, 2)], null, [0, 1]],
  ["the first block alone, when all others are of no parcel", [range(500, 2)], null, [0]],
  ["nothing, when all is beyond the end", [range(500, 2)], begun, []],
])("%s", (_, missing, has, indices) => {
  expect(blocksFor({ missing, blockBytes: 1024, parcel: has }, parcel)).toEqual(indices);
});

test("a bounded number of blocks, the first one counted", () => {
  const large = { ...parcel, bytes: 1 << 30 };
  const asked = { missing: [range(10, 1 << 16)], blockBytes: 1024, parcel: null };
  expect(blocksFor(asked, large)).toHaveLength(BLOCKS_MAX);
  expect(blocksFor({ ...asked, parcel: begun }, large)).toHaveLength(BLOCKS_MAX);
  const single = Array.from({ length: 256 }, (_, at) => range(2 * at + 1, 1));
  expect(blocksFor({ ...asked, missing: single }, large)).toHaveLength(BLOCKS_MAX);
});

test("an empty parcel has one block, an exact one no more than it needs", () => {
  expect(blocksFor({ missing: [range(0, 9)], blockBytes: 1024, parcel: null }, { ...parcel, bytes: 0 })).toEqual([0]);
  expect(blocksFor({ missing: [range(0, 9)], blockBytes: 1024, parcel: null }, { ...parcel, bytes: 2048 })).toEqual([
    0, 1,
  ]);
});

test("who asks is answered so often at once, and then as often as time passes", () => {
  const rate = { burst: 3, perSecond: 2 };
  let bucket: Bucket | undefined;
  const ask = (atMs: number): boolean => {
    const left = take(bucket, rate, atMs);
    bucket = left ?? bucket;
    return left !== null;
  };
  expect([ask(0), ask(0), ask(0), ask(0)]).toEqual([true, true, true, false]);
  expect([ask(499), ask(500), ask(500)]).toEqual([false, true, false]);
  expect([ask(1000), ask(1001)]).toEqual([true, false]);
  expect(bucket === undefined || isFull(bucket, rate, 2000)).toBe(false);
  expect(bucket !== undefined && isFull(bucket, rate, 2600)).toBe(true);
  expect([ask(9000), ask(9000), ask(9000), ask(9000)]).toEqual([true, true, true, false]);
  expect(ask(0)).toBe(false); // a clock that goes back gives nothing
});
