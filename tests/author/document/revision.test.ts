import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  laidOut,
  objectKeys,
  objectsIn,
  readRevision,
  readTree,
  revisionText,
  treeText,
} from "../../../runtime/author/document/index.ts";

const SPEC = '"#spec":"pantavisor-service-system@1"';
const sha = (digit: string): string => digit.repeat(64);

describe("a state that cannot be kept is refused, with the reason", () => {
  test.each([
    ["[]", "no JSON object"],
    ["{", "line 1"],
    ["{}", "no #spec"],
    ['{"#spec":1}', "no #spec"],
    [`{${SPEC},"a":"${sha("1")}","a":"${sha("2")}"}`, '"a" appears twice'],
    [`{${SPEC},"../a":"${sha("1")}"}`, '"../a" has the component ".."'],
    [`{${SPEC},"/etc/passwd":"${sha("1")}"}`, 'a "/" at the start'],
    [`{${SPEC},"a//b":"${sha("1")}"}`, "an empty component"],
    [`{${SPEC},"a/./b":"${sha("1")}"}`, 'the component "."'],
    [`{${SPEC},"a\\u0000b":"${sha("1")}"}`, "a control character"],
    [`{${SPEC},"a\\nb":"${sha("1")}"}`, "a control character"],
    [`{${SPEC},".pvr/json":"${sha("1")}"}`, "a folder of the tools"],
    [`{${SPEC},".pvr":"${sha("1")}"}`, "a folder of the tools"],
    [`{${SPEC},".pv/x.json":{}}`, "a folder of the tools"],
    [`{${SPEC},"a":"${sha("1")}","a/b":"${sha("1")}"}`, "a is a file, and the folder of a/b"],
    [`{${SPEC},"a":"${sha("A")}"}`, "neither the SHA-256"],
    [`{${SPEC},"a":{}}`, "neither the SHA-256"],
    [`{${SPEC},"a.json":null}`, "a.json is null"],
    [`{${SPEC},"${"a".repeat(256)}":"${sha("1")}"}`, "256 bytes"],
    [`{${SPEC},"a.json":"${"x".repeat(1 << 20)}"}`, "longer than"],
  ])("%p", (text, reason) => {
    const read = readRevision(text);
    expect(read.ok ? "" : read.error.problem).toContain(reason);
  });
});

test("objects are the values that are digests, under any name; each once and sorted", () => {
  const read = readRevision(`{${SPEC},"b":"${sha("2")}","a.json":"${sha("1")}","c":"${sha("2")}","d.json":{}}`);
  if (!read.ok) throw new Error(read.error.problem);
  expect(objectKeys(read.value).map(([key]) => key)).toEqual(["a.json", "b", "c"]);
  expect(objectsIn(read.value) as readonly string[]).toEqual([sha("1"), sha("2")]);
});

test("the text is canonical, and numbers keep every digit", () => {
  const read = readRevision(`{ "z.json": {"n": 12345678901234567890, "x":1.50, "e":1e3}, ${SPEC} }`);
  expect(read.ok && revisionText(read.value)).toBe(`{${SPEC},"z.json":{"e":1000,"n":12345678901234567890,"x":1.5E0}}`);
});

describe("the short way of reading says what the strict one says", () => {
  // A blank in front of the text leaves only the strict way.
  const both = (text: string) => {
    const [quick, strict] = [readTree(text), readTree(` ${text}`)];
    return [quick, strict].map((read) => (read.ok ? treeText(read.value) : read.error.problem.kind));
  };

  test.each([
    '{"b":1,"a":{"__proto__":{"x":[{"z":1,"y":[]}]},"2":true,"1":null}}',
    '{"a":1,"a":1}',
    '{"a":12345678901234567890}',
    '{"a":1.5}',
    '{"a":1.5E0}',
    '{"a":"\\u001f\\u001F\\/é😀"}',
    '{"a":"\\ud800"}',
    '{"\uffee":1,"😀":2}',
    '{"a":-0}',
    "[1,[2,{}]]",
    '"x"',
    "",
    "{",
    "nul",
    `${"[".repeat(64)}${"]".repeat(64)}`,
    `${"[".repeat(65)}${"]".repeat(65)}`,
    `${'{"a":'.repeat(64)}1${"}".repeat(64)}`,
    `${'{"a":'.repeat(65)}1${"}".repeat(65)}`,
    `[${"0,".repeat(32_766)}0]`,
    `[${"0,".repeat(32_767)}0]`,
  ])("%p", (text) => {
    const [quick, strict] = both(text);
    expect(quick).toBe(strict ?? "");
  });

  test("of anything that JSON can be", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const [quick, strict] = both(JSON.stringify(value));
        expect(quick).toBe(strict ?? "");
      }),
    );
  });
});

describe("layout", () => {
  const shown = (text: string, indent = "    "): string => {
    const tree = readTree(text);
    if (!tree.ok) throw new Error(text);
    return laidOut(tree.value, indent);
  };

  test("is that of the original: four blanks, sorted, markup escaped", () => {
    expect(shown('{"b":[1,{"c":"<&>"}],"a":{},"d":[]}')).toBe(
      '{\n    "a": {},\n    "b": [\n        1,\n        {\n            "c": "\\u003c\\u0026\\u003e"\n        }\n    ],\n    "d": []\n}',
    );
    expect(shown('"\u2028"')).toBe('"\\u2028"');
  });

  test.each([
    ["1.5", "1.5"],
    ["-0.25", "-0.25"],
    ["123.456", "123.456"],
    ["0.1", "0.1"],
    ["1e3", "1000"],
    ["0.000001", "0.000001"],
    ["5e-324", "5.0E-324"],
    ["12345678901234567890", "12345678901234567890"],
    ["1000000000000000000000.5", "1000000000000000000000.5"],
  ])("writes %s as people do: %s", (written, decimal) => expect(shown(written)).toBe(decimal));

  test("says the same as the canonical text", () => {
    for (const text of ["1.5", "-0.25", "0.000001", '{"a":[0.1,1e-7,1e-8,5e30,-3.25e10]}']) {
      const [plain, again] = [readTree(text), readTree(shown(text))];
      expect(plain.ok && again.ok && treeText(again.value) === treeText(plain.value)).toBe(true);
    }
  });
});
