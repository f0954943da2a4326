import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { globMatches, readGlob, splitKey } from "../../runtime/signatures/glob.ts";
import { vectorJson } from "./vectors.ts";

function matches(pattern: string, key: string): boolean | string {
  const glob = readGlob(pattern);
  if (!glob.ok) return glob.error;
  const budget = { left: 1_000_000 };
  const found = globMatches(glob.value, splitKey(key), budget);
  return budget.left < 0 ? "budget" : found;
}

interface Vector {
  readonly pattern: string;
  readonly name: string;
  readonly pvr: boolean;
}
const byPattern = Map.groupBy(vectorJson<readonly Vector[]>("glob.json"), ({ pattern }) => pattern);

test.each([...byPattern])("%p matches what it matches in the original", (pattern, vectors) => {
  const wanted = vectors.filter(({ pvr }) => pvr).map(({ name }) => name);
  expect(vectors.map(({ name }) => name).filter((name) => matches(pattern, name) === true)).toEqual(wanted);
});

test.each([
  ["a/**/b/**/c", "a/b/b/x/c", true],
  ["a/**/b/**/c", "a/x/c", false],
  ["**/b", "a/b", true],
  ["**/b", "b", true],
  ["**/b/**", "b", false],
  ["**/b/**", "a/b/c", true],
  ["**/a/b", "a/a/b", true],
  ["a/*/**", "a/b", false],
  ["a/*/**", "a/b/c", true],
  ["**", "", true],
  ["{a,b/c}/x", "b/c/x", true],
  ["{a,b{c,d}}", "bd", true],
  ["{a,b{c,d}}", "b", false],
  ["a{,b}", "a", true],
  ["\\{a}", "{a}", true],
  ["[{]a", "{a", true],
  ["*b*c", "abbxbc", true],
  ["[a/b]", "a", true],
  ["a/**/**", "a/b", true],
  ["a/**/**", "a", false],
  ["x**", "xyz", true],
  ["x**", "x/z", false],
  ["[a\\-c]", "-", true],
  ["[a\\-c]", "b", false],
  ["[-c]", "-", true],
  ["[c-]", "-", true],
  ["[!a]", "b", false],
  ["?", "😀", true],
  ["[^😀]", "😀", false],
  ["?", "", false],
  ["*", "", true],
  [".*", ".x", true],
  ["*", ".x", true],
] as const)("%p matches %p: %p", (pattern, key, wanted) => {
  expect(matches(pattern, key)).toBe(wanted);
});

test.each([
  ["[a", "unclosed"],
  ["a[b/c", "unclosed"],
  ["{a,b", "unclosed"],
  ["[]", "emptyClass"],
  ["[^]", "emptyClass"],
  ["[b-a]", "badRange"],
  ["a\\", "trailingEscape"],
  ["x".repeat(1025), "tooLong"],
  ["{a,b}".repeat(7), "tooManyAlternatives"],
] as const)("%p is refused: %s", (pattern, fault) => {
  expect(matches(pattern, "a")).toBe(fault);
});

test("a pattern made to take for ever is given up", () => {
  const glob = readGlob(`*${"a".repeat(500)}b`);
  if (!glob.ok) throw new Error(glob.error);
  const budget = { left: 10_000 };
  expect(globMatches(glob.value, splitKey("a".repeat(1000)), budget)).toBe(false);
  expect(budget.left).toBeLessThan(0);
});

/** The rules once more, in the shortest way to say them, which may take exponential time. */
function slowly(pattern: readonly string[], key: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return key.length === 0;
  if (first === "**" && rest.length === 0) return key.length > 0;
  if (first === "**") return key.some((_, at) => slowly(rest, key.slice(at)));
  const part = new RegExp(`^${first.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".")}$`, "u");
  return key[0] !== undefined && part.test(key[0]) && slowly(rest, key.slice(1));
}

describe("a random pattern", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "."), minLength: 1, maxLength: 4 });
  const pattern = fc.array(fc.oneof(part, fc.constant("**")), { minLength: 1, maxLength: 5 });
  const key = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 6,
  });

  test("matches what the rules, done slowly, match", () => {
    fc.assert(
      fc.property(pattern, key, (parts, components) => {
        expect(matches(parts.join("/"), components.join("/"))).toBe(slowly(parts, components));
      }),
      { numRuns: 5000 },
    );
  });
});
