import { describe, expect, test } from "bun:test";
import { coverage, explainVerify, type SecureBootMode, verifyState } from "../../runtime/signatures/index.ts";
import { NOW, sample, signed, trust, unsigned, withMember } from "./signed-state.ts";

function covered(state: string, mode: SecureBootMode) {
  const report = verifyState(state, trust, { nowMs: NOW });
  if (!report.ok) throw new Error(explainVerify(report.error));
  return coverage(report.value, mode);
}

const all = (name: string, exclude: readonly string[] = []) =>
  signed(unsigned, { name, signer: "dev-second", include: ["**"], exclude });

describe("a state is accepted in strict mode", () => {
  test("when each key is protected, or src.json and excluded, or a verified signature", () => {
    expect(covered(sample, "strict")).toEqual({ accepted: true, uncovered: [] });
    expect(covered(all("all"), "strict")).toEqual({ accepted: true, uncovered: [] });
  });
});

describe("a state is refused in strict mode", () => {
  test.each([
    ["without any signature", unsigned, Object.keys(JSON.parse(unsigned))],
    ["for a key that no signature has seen", withMember(sample, "new/run.json", {}), ["new/run.json"]],
    ["for an excluded key of another name", all("all", ["web/run.json"]), ["web/run.json"]],
    ["for src.json of no part", withMember(all("all", ["src.json"]), "src.json", {}), ["src.json"]],
    [
      "for src.json deeper in a part",
      withMember(all("all", ["web/a/src.json"]), "web/a/src.json", {}),
      ["web/a/src.json"],
    ],
    [
      "for src.json that no signature names",
      signed(unsigned, { name: "x", signer: "dev-second", include: ["*", "*/[^s]*"] }),
      ["bsp/src.json", "web/src.json"],
    ],
    [
      "for a file in the signatures' folder that is none",
      withMember(sample, "_sigs/evil.json", { a: 1 }),
      ["_sigs/evil.json"],
    ],
    [
      "for a signature of an unknown format",
      withMember(sample, "_sigs/old.json", { "#spec": "pvs@1" }),
      ["_sigs/old.json"],
    ],
  ])("%s", (_what, state, uncovered) => {
    expect(covered(state, "strict")).toEqual({ accepted: false, uncovered });
    expect(covered(state, "audit")).toEqual({ accepted: true, uncovered });
    expect(covered(state, "lenient")).toEqual({ accepted: true, uncovered: [] });
    expect(covered(state, "disabled")).toEqual({ accepted: true, uncovered: [] });
  });

  test("for a good signature that lies outside the signatures' folder, where it would become a file", () => {
    const moved = JSON.parse(all("all"));
    const state = withMember(unsigned, "web/sig.json", moved["_sigs/all.json"]);
    // It lies under its own glob now.
    expect(verifyState(state, trust, { nowMs: NOW })).toMatchObject({ ok: false, error: { key: "web/sig.json" } });
    const excluded = JSON.parse(all("all", ["web/sig.json"]))["_sigs/all.json"];
    expect(covered(withMember(unsigned, "web/sig.json", excluded), "strict")).toEqual({
      accepted: false,
      uncovered: ["web/sig.json"],
    });
  });
});
