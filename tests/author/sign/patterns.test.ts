import { describe, expect, test } from "bun:test";
import { explainName, partTarget, rawTarget, sameTarget } from "../../../runtime/author/sign/index.ts";
import { vectorJson } from "../../signatures/vectors.ts";

const defaults = { include: [], exclude: [], config: true };

interface Vector {
  readonly pvr_sig_args: readonly string[];
  readonly expect: { readonly file: string; readonly protected_json: string };
}

const after = (words: readonly string[], flag: string): readonly string[] =>
  words.flatMap((word, at) => (word === flag ? (words[at + 1] ?? []) : []));

describe("patterns for one part", () => {
  const vectors = ["s01", "s02", "s03", "s05", "s06", "s07", "s08"].map((name) =>
    vectorJson<Vector>(`sign/${name}.json`),
  );
  test.each(vectors)("are those of the original: $pvr_sig_args", ({ pvr_sig_args: words, expect: wanted }) => {
    const [part = ""] = after(words, "--part");
    const [include, exclude] = [after(words, "--include"), after(words, "--exclude")];
    const { pvs } = JSON.parse(wanted.protected_json);
    expect(partTarget(part, { include, exclude, config: !words.includes("-n") })).toEqual({
      ok: true,
      value: { key: wanted.file, ...pvs },
    });
  });
});

describe("patterns as given", () => {
  test("get the signature's own file excluded, where the original names one that is not there", () => {
    expect(rawTarget("bsp", { include: ["bsp/**", "#spec"], exclude: ["bsp/src.json"] })).toEqual({
      ok: true,
      value: { key: "_sigs/bsp.json", include: ["bsp/**", "#spec"], exclude: ["bsp/src.json", "_sigs/bsp.json"] },
    });
  });

  test("are everything when there is none", () => {
    expect(rawTarget("all", { include: [], exclude: [] })).toEqual({
      ok: true,
      value: { key: "_sigs/all.json", include: ["**"], exclude: ["src.json", "_sigs/all.json"] },
    });
  });
});

test.each(["", ".", "..", "../x", "a/b", "*", "a*", "[a]", "{a,b}", "-a", "a\\", "a b", "é", "x".repeat(65)])(
  "%p is no name of a part: it would be a path or a pattern",
  (name) => {
    for (const target of [partTarget(name, defaults), rawTarget(name, defaults)]) {
      expect(target).toEqual({ ok: false, error: { kind: "badName", name } });
    }
    expect(explainName({ kind: "badName", name })).toMatch(/is no name of a part/);
  },
);

test("a signature that is made again leaves out its own file from then on", () => {
  const claim = { key: "_sigs/a.json", include: ["**"], exclude: ["_sigs/.json"], x5c: [], withPayload: false };
  const target = sameTarget(claim);
  expect(target).toEqual({ key: "_sigs/a.json", include: ["**"], exclude: ["_sigs/.json", "_sigs/a.json"] });
  expect(sameTarget({ ...claim, ...target })).toEqual(target);
});
