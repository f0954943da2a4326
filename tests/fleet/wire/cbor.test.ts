import { expect, spyOn, test } from "bun:test";
import { encode } from "cborg";
import fc from "fast-check";
import { type Cbor, readCbor, writeCbor } from "../../../runtime/fleet/wire/cbor.ts";
import { ok } from "../../../runtime/result.ts";
import { mutantBytes } from "../../fuzz/bytes.ts";
import { Dice } from "../../fuzz/dice.ts";
import { samples } from "./samples.ts";
import { isSound } from "./sound.ts";

const unhex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");

const { value } = fc.letrec<{ value: Cbor; key: number | string }>((tie) => ({
  key: fc.oneof(fc.maxSafeInteger(), fc.string({ unit: "grapheme" })),
  value: fc.oneof(
    { maxDepth: 2 },
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.string({ unit: "grapheme" }),
    fc.uint8Array(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(tie("key"), tie("value")), { selector: ([key]) => key, maxLength: 4 })
      .map((members) => new Map(members)),
  ),
}));

test("what is written is read, and is sound to another reader", () => {
  fc.assert(
    fc.property(value, (one) => {
      const bytes = writeCbor(one);
      expect(readCbor(bytes)).toEqual(ok(one));
      expect(isSound(bytes)).toBe(true);
    }),
  );
});

const oddities: readonly (readonly [what: string, bytes: string, read?: boolean])[] = [
  ["a number in its shortest form", "17", true],
  ["a number with a byte too many", "1817"],
  ["a number with a byte that it needs", "1818", true],
  ["two bytes for one", "1900ff"],
  ["four bytes for two", "1a0000ffff"],
  ["eight bytes for four", "1b00000000ffffffff"],
  ["the largest exact number", "1b001fffffffffffff", true],
  ["the first that is not exact", "1b0020000000000000"],
  ["the smallest exact number", "3b001ffffffffffffe", true],
  ["the first below it", "3b001fffffffffffff"],
  ["a length with a byte too many", "580141"],
  ["a length beyond the end", "5a7fffffff41"],
  ["a length beyond all numbers", "5bffffffffffffffff41"],
  ["a list longer than any message", "9bffffffffffffffff"],
  ["a list of a length that memory has not", "9a7fffffff"],
  ["a map longer than any message", "baffffffff"],
  ["bytes of no definite length", "5f4101ff"],
  ["text of no definite length", "7f6161ff"],
  ["an array of no definite length", "9f01ff"],
  ["a map of no definite length", "bf0101ff"],
  ["an end of nothing", "ff"],
  ["an end in an array", "81ff"],
  ["an end as a value", "a101ff"],
  ["a whole number as a float of 2 bytes", "f93c00"],
  ["a whole number as a float of 4 bytes", "fa3f800000"],
  ["a whole number as a float of 8 bytes", "fb3ff0000000000000"],
  ["a fraction", "f93e00"],
  ["minus zero", "f98000"],
  ["no number", "f97e00"],
  ["infinity", "f97c00"],
  ["null", "f6"],
  ["null in a map", "a101f6"],
  ["undefined", "f7"],
  ["a simple value that nobody knows", "f0"],
  ["true in two bytes", "f815"],
  ["a tag", "c11a514b67b0"],
  ["a large number by tag", "c249010000000000000000"],
  ["keys in order", "a2 01 00 02 00", true],
  ["keys out of order", "a2 02 00 01 00"],
  ["one key twice", "a2 01 00 01 00"],
  ["a number after a text", "a2 6161 00 01 00"],
  ["texts as keys, the shorter first", "a2 6162 00 626161 00", true],
  ["texts as keys, the longer first", "a2 626161 00 6162 00"],
  ["true as a key", "a1 f5 00"],
  ["bytes as a key", "a1 4101 00"],
  ["an array as a key", "a1 80 00"],
  ["a map as a key", "a1 a0 00"],
  ["a float as a key", "a1 f93c00 00"],
  ["a key without its value", "a1 01"],
  ["text that is UTF-8", "62c3a9", true],
  ["text that is not", "61ff"],
  ["half of a surrogate pair", "63eda080"],
  ["a letter in too many bytes", "62c1a1"],
  ["a byte order mark in text", "64efbbbf61", true],
  ["nothing", ""],
  ["two things", "0101"],
];

test.each(oddities)("%s", (_, bytes, read = false) => {
  expect(readCbor(unhex(bytes)).ok).toBe(read);
  expect(isSound(unhex(bytes))).toBe(read);
});

test("a refusal says what is wrong", () => {
  const reasons: readonly (readonly [bytes: string, reason: string])[] = [
    ["1817", "more bytes than necessary"],
    ["9f01ff", "indefinite length"],
    ["f7", "undefined"],
    ["1b0020000000000000", "safe integer range"],
    ["a2 01 00 01 00", "repeat map key"],
    ["f6", "a value that no message has"],
    ["a2 02 00 01 00", "written in another way"],
  ];
  for (const [bytes, reason] of reasons) {
    expect(readCbor(unhex(bytes))).toEqual({ ok: false, error: expect.stringContaining(reason) });
  }
});

test("64 arrays and maps are read, and no more, side by side and inside each other", () => {
  const nested = (depth: number) => Uint8Array.from([...Buffer.alloc(depth, 0x81), 0x00]);
  const maps = (depth: number) => Uint8Array.from([...Buffer.alloc(2 * depth, "a100", "hex"), 0x00]);
  const aside = (count: number) => encode(new Array<never[]>(count - 1).fill([]));
  for (const many of [nested, maps, aside]) {
    expect([readCbor(many(64)).ok, readCbor(many(65)).ok]).toEqual([true, false]);
  }
  expect(readCbor(nested(1_000_000)).ok).toBe(false);
});

test("nobody's message makes the reader talk", () => {
  const warn = spyOn(console, "warn").mockImplementation(() => {});
  try {
    for (const bytes of ["a2 80 00 80 00", "a2 a0 00 a0 00", "a2 81 01 00 81 02 00", "a2 f5 00 f5 00"]) {
      expect(readCbor(unhex(bytes)).ok).toBe(false);
    }
    expect(warn).not.toHaveBeenCalled();
  } finally {
    warn.mockRestore();
  }
});

test("both readers agree on mutants of genuine messages", () => {
  const dice = new Dice(5);
  const corpus = samples.map(({ bytes }) => bytes);
  let read = 0;
  for (let count = 0; count < 5_000; count += 1) {
    const bytes = mutantBytes(dice, corpus);
    const result = readCbor(bytes).ok;
    if (result !== isSound(bytes)) throw new Error(Buffer.from(bytes).toString("hex"));
    if (result) read += 1;
  }
  expect(read).toBeWithin(100, 4_900);
});
