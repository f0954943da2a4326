import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  applyPatch,
  isMembers,
  type Members,
  patchBetween,
  readTree,
  treeText,
  withoutNulls,
} from "../../../runtime/author/document/index.ts";
import vectors from "./vectors/mergepatch.json";

/** A text as a tree; the tests' own documents can be read. */
export function tree(text: string) {
  const read = readTree(text);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

function members(text: string): Members {
  const read = tree(text);
  if (!isMembers(read)) throw new Error(`${text} is no object`);
  return read;
}

/** Where the original sends numbers through doubles and so loses a change, we keep every digit. */
const EXACT = new Map([
  ['{"big":12345678901234567890}', { diff: '{"big":12345678901234567891}', patched: '{"big":12345678901234567891}' }],
]);

describe("vectors of the original", () => {
  test.each(vectors)("$from to $to", ({ from, to, diff, from_patched_with_diff }) => {
    const want = EXACT.get(from) ?? { diff, patched: from_patched_with_diff };
    const patch = patchBetween(members(from), members(to));
    expect(treeText(patch)).toBe(want.diff);
    expect(treeText(applyPatch(tree(from), patch))).toBe(want.patched);
  });

  test("all of them are there, and one is knowingly different", () => {
    expect(vectors.length).toBe(10);
    expect(vectors.filter(({ from }) => EXACT.has(from))).toHaveLength(1);
  });
});

/** RFC 7386, appendix A: original, patch, result. */
test.each([
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', "{}"],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', "null", "null"],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"a":1,"e":null}'],
  ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
  ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
])("RFC 7386: %s patched with %s is %s", (original, patch, result) => {
  expect(treeText(applyPatch(tree(original), tree(patch)))).toBe(result);
});

const json = fc.letrec((self) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom("null", "true", "0", "1.5", "12345678901234567890", '"x"', '""', "[]", "{}", "[null,{}]"),
    fc.array(self("value") as fc.Arbitrary<string>, { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
    self("object"),
  ),
  object: fc
    .dictionary(fc.constantFrom("a", "b", "c", "__proto__", "é", "😀"), self("value") as fc.Arbitrary<string>, {
      maxKeys: 4,
    })
    .map(
      (entries) =>
        `{${Object.entries(entries)
          .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
          .join(",")}}`,
    ),
})).object as fc.Arbitrary<string>;

describe("properties", () => {
  test("the patch between two documents makes one of the other, up to nulls that no patch can carry", () => {
    fc.assert(
      fc.property(json, json, (from, to) => {
        const patched = applyPatch(members(from), patchBetween(members(from), members(to)));
        expect(treeText(withoutNulls(patched))).toBe(treeText(withoutNulls(tree(to))));
      }),
    );
  });

  test("without nulls it is exact, and equal documents have an empty patch", () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        const [from, to] = [withoutNulls(members(a)), withoutNulls(members(b))];
        if (!isMembers(from) || !isMembers(to)) throw new Error("an object stays one");
        const patch = patchBetween(from, to);
        expect(treeText(applyPatch(from, patch))).toBe(treeText(to));
        expect(patch.size === 0).toBe(treeText(from) === treeText(to));
      }),
    );
  });

  test("a patch does its work once: the second time nothing changes, and what it is given stays as it was", () => {
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const before = members(target);
        const text = treeText(before);
        const once = applyPatch(before, tree(patch));
        expect(treeText(before)).toBe(text);
        expect(treeText(applyPatch(once, tree(patch)))).toBe(treeText(once));
      }),
    );
  });
});
