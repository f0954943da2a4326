import { expect, test } from "bun:test";
import { lastWords } from "../../runtime/boot/last-words.ts";

test("an exception's text goes to the kernel as messages of the highest level, the reason first", () => {
  const [first, ...rest] = lastWords(new Error("early mounts: mount /dev/pts: EIO"));
  expect(first).toBe("<0>cairn: Error: early mounts: mount /dev/pts: EIO");
  expect(rest.length).toBeGreaterThan(0);
  for (const line of rest) expect(line).toStartWith("<0>cairn: ");
});

test("what is thrown need not be an error", () => {
  expect(lastWords("no reason")).toEqual(["<0>cairn: 'no reason'"]);
});

test("neither lines nor their number go beyond what the kernel takes at once", () => {
  const words = lastWords(new Error(Array.from({ length: 50 }, () => "x".repeat(5_000)).join("\n")));
  expect(words).toHaveLength(10);
  for (const line of words) expect(Buffer.byteLength(line)).toBeLessThan(1_000);
});
