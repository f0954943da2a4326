import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { canonical, canonicalText, decodeUtf8, readJson, toJson } from "../../runtime/state/json/index.ts";

const limits = { depthMax: 8, valuesMax: 100, numberCharsMax: 20 };

function read(text: string) {
  const result = readJson(text, limits);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function problem(text: string) {
  const result = readJson(text, limits);
  if (result.ok) throw new Error("wanted a refused document");
  return result.error;
}

describe("the strict reader refuses", () => {
  test.each([
    ["", "unexpected"],
    ["  ", "unexpected"],
    ["{", "unexpected"],
    ["[1,]", "unexpected"],
    ['{"a":1,}', "unexpected"],
    ["{a:1}", "unexpected"],
    ["{'a':1}", "unexpected"],
    ['{"a" 1}', "unexpected"],
    ["[1 2]", "unexpected"],
    ["1 1", "unexpected"],
    ["{} x", "unexpected"],
    ["\u00a01", "unexpected"],
    ["nul", "unexpected"],
    ["truex", "unexpected"],
    ["NaN", "unexpected"],
    ["// comment\n1", "unexpected"],
    ['"a', "unexpected"],
    ['"a\\', "badEscape"],
    ['"\\x41"', "badEscape"],
    ['"\\u12"', "badEscape"],
    ['"\\u 123"', "badEscape"],
    ['"a\tb"', "controlCharacter"],
    ['"\u0000"', "controlCharacter"],
    ["01", "badNumber"],
    ["-", "badNumber"],
    ["1.", "badNumber"],
    ["1e", "badNumber"],
    ["0x10", "badNumber"],
    ["-Infinity", "badNumber"],
    ["9007199254740992", "inexactNumber"],
    ["-9007199254740992", "inexactNumber"],
    ["9007199254740993", "inexactNumber"],
    ["1e400", "inexactNumber"],
    ["0.00000000000000000001", "inexactNumber"],
    ['{"a":1,"a":2}', "duplicateKey"],
    ['{"a":1,"\\u0061":2}', "duplicateKey"],
    ['[{"x":{"b":1,"b":1}}]', "duplicateKey"],
    ['"\ud800"', "loneSurrogate"],
    ['"\\ud800"', "loneSurrogate"],
    ['"\\udc00"', "loneSurrogate"],
    ['"\\ud800\\ud800"', "loneSurrogate"],
    ['"\\ud83d\ude00"', "loneSurrogate"],
    ["\ufeff{}", "byteOrderMark"],
    ["[[[[[[[[[1]]]]]]]]]", "tooDeep"],
    [`[${"0,".repeat(100)}0]`, "tooManyValues"],
  ] as const)("%p as %s", (text, kind) => {
    expect(problem(text).problem.kind).toBe(kind);
  });
});

test("a fault says line, column and the members around it", () => {
  expect(problem('{\n  "a": {"b": [1,\n x]}\n}')).toEqual({
    problem: { kind: "unexpected", found: "x", allowed: "a value" },
    line: 3,
    column: 2,
    path: ["a", "b", 1],
  });
  expect(problem('{"a":{"b":1,"b":2}}')).toMatchObject({ line: 1, column: 13, path: ["a"] });
});

test("numbers up to 2^53 - 1 and fractions are read", () => {
  expect(toJson(read("[9007199254740991,-9007199254740991,0.5,1e3,-0.25E-2]"))).toEqual([
    9007199254740991, -9007199254740991, 0.5, 1000, -0.0025,
  ]);
});

test("names that JavaScript gives a meaning are ordinary members", () => {
  const value = toJson(read('{"__proto__":{"polluted":1},"constructor":2,"a":{"toString":3}}'));
  expect(Object.keys(value as object)).toEqual(["__proto__", "constructor", "a"]);
  expect((value as { polluted?: unknown }).polluted).toBeUndefined();
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test("every value keeps the place where it stood", () => {
  const text = ' { "a" : [ 1.50 , "x\\n" ] ,"b":{} } ';
  const root = read(text);
  if (root.kind !== "object") throw new Error("wanted an object");
  const slices = root.members.map(({ keyStart, keyEnd, value }) => [
    text.slice(keyStart, keyEnd),
    text.slice(value.start, value.end),
  ]);
  expect(slices).toEqual([
    ['"a"', '[ 1.50 , "x\\n" ]'],
    ['"b"', "{}"],
  ]);
});

/** Documents within the reader's limits: names without repetition, numbers that a double holds. */
const value = fc.jsonValue({ maxDepth: 4, stringUnit: "binary" }).filter((any) => {
  const text = JSON.stringify(any);
  return (
    text.isWellFormed() &&
    !/\\ud[89a-f]/i.test(text) &&
    numbersIn(any).every((n) => Math.abs(n) <= Number.MAX_SAFE_INTEGER)
  );
});

function numbersIn(any: unknown): readonly number[] {
  if (typeof any === "number") return [any];
  return typeof any === "object" && any !== null ? Object.values(any).flatMap(numbersIn) : [];
}

const wide = { depthMax: 64, valuesMax: 1 << 15, numberCharsMax: 64 };

test("what JSON.parse reads is read to the same value", () => {
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 1, "\t"), (any, indent) => {
      const text = JSON.stringify(any, null, indent);
      const result = readJson(text, wide);
      expect(result.ok && JSON.stringify(toJson(result.value))).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
});

test("what JSON.parse refuses is refused, and nothing throws", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0dC8 1-.eEtruefalsn\n\ud800\udc00') }), (text) => {
      const result = readJson(text, wide);
      if (result.ok) expect(JSON.stringify(toJson(result.value))).toBe(JSON.stringify(JSON.parse(text)));
    }),
    { numRuns: 3000 },
  );
});

describe("the canonical text", () => {
  test.each([
    ['{ "b" : 1, "a" : [ true , null ] }', '{"a":[true,null],"b":1}'],
    ['{"\\ud83d\\ude00":1,"\\uffee":2}', '{"\uffee":2,"😀":1}'], // by UTF-8 bytes; UTF-16 order is the other way round
    ['"\\u0000\\u001f\\u007f\\/\\u2028\\t"', '"\\u0000\\u001F\u007f/\u2028\\t"'],
    ['"\\\\u001f"', '"\\\\u001f"'],
    ["[1.50,1E+3,-0]", "[1.5E0,1000,0]"],
    ["[1e63]", `[1${"0".repeat(63)}]`],
  ])("of %p is %p", (text, wanted) => {
    const result = canonicalText(text);
    expect(result.ok && result.value).toBe(wanted);
  });

  test.each(["1e64", "-1e63", "1e999999999", "1e99999999999999999999", `0.${"1".repeat(62)}`])(
    "a number that would become too long is refused: %p",
    (number) => {
      const result = canonicalText(`{"a":[0, ${number}]}`);
      expect(result).toMatchObject({ ok: false, error: { problem: { kind: "longNumber" }, line: 1, column: 10 } });
    },
  );

  test("does not change a second time, and is the same from a value", () => {
    fc.assert(
      fc.property(value, (any) => {
        const once = canonicalText(JSON.stringify(any));
        if (!once.ok) throw new Error(JSON.stringify(once.error));
        const twice = canonicalText(once.value);
        expect(twice.ok && twice.value).toBe(once.value);
        expect(canonical(JSON.parse(JSON.stringify(any)))).toBe(once.value);
      }),
    );
  });
});

describe("decoding", () => {
  test.each([
    ["a lone continuation byte", [0x22, 0x80, 0x22], 2],
    ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22], 2],
    ["a surrogate", [0x22, 0x61, 0xed, 0xa0, 0x80, 0x22], 3],
    ["a cut character at the end", [0x22, 0xe2, 0x82], 2],
    ["a wrong byte behind a true U+FFFD", [0x22, 0xef, 0xbf, 0xbd, 0xff, 0x22], 3],
  ])("%s is refused at its column", (_what, bytes, column) => {
    const result = decodeUtf8(new Uint8Array(bytes));
    expect(result).toEqual({ ok: false, error: { problem: { kind: "invalidUtf8" }, line: 1, column, path: [] } });
  });

  test("a byte order mark stays, so that the reader can refuse it", () => {
    const result = decodeUtf8(new Uint8Array([0xef, 0xbb, 0xbf, 0x31]));
    expect(result).toEqual({ ok: true, value: "\ufeff1" });
  });
});
