/** What the original's canonical JSON library writes (its README: `in` is a JSON text, `out` the library's text). */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import { byCodePoint, canonicalMembers, canonicalObject, canonicalText } from "../../runtime/state/index.ts";
import { sortedByCodePoint } from "../../runtime/state/json/order.ts";

interface Vector {
  readonly in: string;
  readonly out: string;
}

const file = resolve(import.meta.dir, "../signatures/vectors/canonical.json");
const vectors: readonly Vector[] = JSON.parse(readFileSync(file, "utf8"));
const repeated = '{"a":1,"a":2}';

test.each(vectors.filter((vector) => vector.in !== repeated))("the canonical text of $in", ({ in: text, out }) => {
  expect(canonicalText(text)).toEqual({ ok: true, value: out });
});

test("a name that appears twice is refused, where the original keeps the last", () => {
  expect(vectors.map((vector) => vector.in)).toContain(repeated);
  expect(canonicalText(repeated)).toMatchObject({ ok: false, error: { problem: { kind: "duplicateKey" } } });
});

test("code points are ordered as their UTF-8 bytes are", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      const [first] = sortedByCodePoint([b, a], (text) => text);
      expect(first).toBe(byCodePoint(a, b) < 0 ? a : b);
      expect(Math.sign(byCodePoint(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }),
  );
});

test("a backslash of its own is not the beginning of another escape", () => {
  const text = JSON.stringify("\\u001f \\\\\u001f \u001a\n\\\u000b");
  const result = canonicalText(text);
  expect(result).toEqual({
    ok: true,
    value: text
      .replace("\\u001a", "\\u001A")
      .replace("\\u000b", "\\u000B")
      .replace("\\\\\\\\\\u001f", "\\\\\\\\\\u001F"),
  });
  expect(result.ok && JSON.parse(result.value)).toBe(JSON.parse(text));
});

test("the members of a document, put together again, are its canonical text", () => {
  const text = '{"b":{"z":1.0,"a":[]},"a":12345678901234567890,"\\ud83d\\ude00":"x","\\uffee":null}';
  const members = canonicalMembers(text);
  if (!members.ok || members.value === null) throw new Error("wanted an object");
  expect(members.value.map(({ key }) => key)).toEqual(["a", "b", "\uffee", "😀"]);
  const whole = canonicalText(text);
  expect(whole.ok && whole.value).toBe(canonicalObject(members.value.toReversed()));
  expect(canonicalMembers("[]")).toEqual({ ok: true, value: null });
});
