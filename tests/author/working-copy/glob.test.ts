import { expect, test } from "bun:test";
import { globPattern } from "../../../runtime/author/working-copy/glob.ts";

test.each([
  ["*", "a", true],
  ["*", "a/b", false],
  ["*/b", "a/b", true],
  ["**", "a/b/c", true],
  ["a/**/c", "a/b/d/c", true],
  ["a?c", "abc", true],
  ["a?c", "a/c", false],
  ["[a-c]", "b", true],
  ["[a-c]", "d", false],
  ["[^a-c]", "d", true],
  ["[!a-c]", "b", false],
  ["[^a]", "/", false],
  ["[]a]", "a", false],
  ["[\\]]", "]", true],
  ["[a\\-c]", "b", false],
  ["\\*", "*", true],
  ["\\*", "a", false],
  ["a.b", "axb", false],
  ["a+(b)|{c}^$", "a+(b)|{c}^$", true],
  ["?", "😀", true],
  ["", "", true],
])("%s matches %s: %s", (glob, path, matches) => expect(globPattern(glob)?.test(path) ?? false).toBe(matches));

test.each(["[", "[a", "[b-a]"])("%s is no pattern", (glob) => expect(globPattern(glob)).toBeNull());

test("a pattern of many stars on a long path is no work", () => {
  const startedMs = performance.now();
  expect(globPattern(`${"*".repeat(1000)}b`)?.test(`${"a".repeat(1000)}`)).toBe(false);
  expect(performance.now() - startedMs).toBeLessThan(500);
});
