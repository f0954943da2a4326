import { describe, expect, test } from "bun:test";
import { explainVerify, type Report, type Trust, verifyState } from "../../runtime/signatures/index.ts";
import { certificatesOf, keyOf, NOW, sample, signed, trust, unsigned, unwrap, withMember } from "./signed-state.ts";
import { vectorText } from "./vectors.ts";

const verify = (state: string | Uint8Array, whom: Trust, options: Partial<Parameters<typeof verifyState>[2]> = {}) =>
  verifyState(state, whom, { nowMs: NOW, ...options });

const problemOf = (
  state: string,
  whom: Trust = trust,
  options: Partial<Parameters<typeof verifyState>[2]> = {},
): unknown => {
  const result = verify(state, whom, options);
  if (result.ok) return "ok";
  expect(explainVerify(result.error)).toMatch(/^(?:the state|signature ").{20,}/);
  return result.error.kind === "signature" ? result.error.problem : result.error;
};

const key = "_sigs/web.json";
const members = JSON.parse(sample);
const headerOf = (name: string) =>
  JSON.parse(Buffer.from(members[`_sigs/${name}.json`].protected, "base64url").toString());
const encoded = (header: unknown): string =>
  Buffer.from(typeof header === "string" ? header : JSON.stringify(header)).toString("base64url");
const withElement = (changes: object): string => withMember(sample, key, { ...members[key], ...changes });
const withHeader = (changes: object): string => withElement({ protected: encoded({ ...headerOf("web"), ...changes }) });

describe("the report", () => {
  test("says of each signature who made it and by what right", () => {
    const { signatures } = unwrap(verify(sample, trust)) as Report;
    expect(signatures.map((one) => [one.key, one.algorithm, one.signer])).toEqual([
      [
        "_sigs/bsp.json",
        "RS256",
        {
          kind: "certificate",
          fingerprint: expect.stringMatching(/^dbc7c62484772[0-9a-f]{51}$/),
          subject: "O=Vector Lab, CN=dev-rsa",
          commonName: "dev-rsa",
          anchor: "O=Vector Lab, CN=Intermediate A",
        },
      ],
      ["_sigs/metrics.json", "ES256", { kind: "key", fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) }],
      ["_sigs/web.json", "RS256", { kind: "key", fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    ]);
  });

  test("is the same from bytes, and of any way to write the same JSON", () => {
    const report = verify(sample, trust);
    expect(verify(Buffer.from(sample), trust)).toEqual(report);
    expect(verify(JSON.stringify(members, null, 2), trust)).toEqual(report);
  });

  test("of some signatures is of those alone", () => {
    const report = unwrap(verify(sample, trust, { only: [key, key] })) as Report;
    expect(report.signatures.map((one) => one.key)).toEqual([key]);
    expect(report.protected).toEqual(["web/lxc.container.conf", "web/root.squashfs", "web/run.json"]);
    expect(report.notseen).toContain("metrics/run.json");
  });

  test("of a state without signatures is empty", () => {
    expect(verify(unsigned, trust)).toMatchObject({ ok: true, value: { signatures: [], protected: [], excluded: [] } });
  });
});

describe("a state is refused", () => {
  test.each([
    ["that is no JSON", "{", { kind: "state" }],
    ["that is no object", "[]", { kind: "noObject" }],
    ["that is too large", `"${"x".repeat(1 << 20)}"`, { kind: "state", error: { kind: "tooLarge" } }],
    [
      "with too many signatures",
      JSON.stringify(Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`s${n}.json`, members[key]]))),
      { kind: "tooManySignatures" },
    ],
    ["without a signature's header", withElement({ protected: undefined }), { kind: "shape", member: "protected" }],
    ["without a signature's signature", withElement({ signature: 7 }), { kind: "shape", member: "signature" }],
    ["with a signature too long", withElement({ signature: "A".repeat(3000) }), { kind: "shape", member: "signature" }],
    [
      "with padded base64url",
      withElement({ signature: `${members[key].signature}==` }),
      { kind: "encoding", member: "signature" },
    ],
    ["with base64", withElement({ protected: "+/+/" }), { kind: "encoding", member: "protected" }],
    [
      "with stray bits in base64url",
      withElement({ signature: `${members[key].signature.slice(0, -1)}B` }),
      { kind: "encoding", member: "signature" },
    ],
    ["with a header that is no JSON", withElement({ protected: encoded("{") }), { kind: "headerJson" }],
    ["with a header that is no object", withElement({ protected: encoded("[]") }), { kind: "headerJson", fault: null }],
    [
      "with a header that is no UTF-8",
      withElement({ protected: Buffer.from([0x7b, 0xff]).toString("base64url") }),
      { kind: "headerJson" },
    ],
    [
      "with a header that has a member twice",
      withElement({ protected: encoded('{"alg":"RS256","alg":"none"}') }),
      { kind: "headerJson" },
    ],
    ["with an algorithm of another case", withHeader({ alg: "rs256" }), { kind: "header", member: "alg" }],
    ["with several algorithms", withHeader({ alg: ["RS256"] }), { kind: "header", member: "alg" }],
    [
      "with an algorithm from JavaScript's depths",
      withHeader({ alg: "constructor" }),
      { kind: "header", member: "alg" },
    ],
    ["with an empty crit", withHeader({ crit: [] }), { kind: "header", member: "crit" }],
    ["without include", withHeader({ pvs: { exclude: [] } }), { kind: "header", member: "pvs" }],
    ["without exclude", withHeader({ pvs: { include: ["**"] } }), { kind: "header", member: "pvs" }],
    [
      "with a pattern that is no text",
      withHeader({ pvs: { include: [1], exclude: [] } }),
      { kind: "header", member: "pvs" },
    ],
    ["with a broken pattern", withHeader({ pvs: { include: ["[a"], exclude: [] } }), { kind: "glob", glob: "[a" }],
    [
      "with too many patterns",
      withHeader({ pvs: { include: Array(257).fill("a"), exclude: [] } }),
      { kind: "tooManyGlobs" },
    ],
    ["with an empty x5c", withHeader({ x5c: [] }), { kind: "header", member: "x5c" }],
    ["with too many certificates", withHeader({ x5c: Array(9).fill("AAAA") }), { kind: "header", member: "x5c" }],
    ["with a certificate in base64url", withHeader({ x5c: ["_-_-"] }), { kind: "certificate", index: 0 }],
    ["with rubbish for a certificate", withHeader({ x5c: ["AAAA"] }), { kind: "certificate", index: 0 }],
  ])("%s", (_what, state, problem) => {
    expect(problemOf(state)).toMatchObject(problem);
  });

  test("whose patterns would take for ever", () => {
    const long = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`${"a".repeat(200)}${n}`, "x"]));
    const state = JSON.stringify({
      ...long,
      [key]: {
        ...members[key],
        protected: encoded({
          ...headerOf("web"),
          pvs: { include: Array(200).fill(`*${"a".repeat(99)}b`), exclude: [] },
        }),
      },
    });
    const start = performance.now();
    expect(problemOf(state)).toEqual({ kind: "globCost" });
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test.each([
    ["_sigs/none.json", { kind: "notThere" }],
    ["web/run.json", { kind: "spec" }],
    ["bsp/kernel.img", { kind: "spec" }],
  ])("when %s is asked for, which is no signature", (only, problem) =>
    expect(problemOf(sample, trust, { only: [only] })).toEqual(problem),
  );
});

describe("trust", () => {
  test("in keys alone: x5c is not looked at, and any of the keys will do", () => {
    const state = signed(unsigned, {
      name: "a",
      signer: "dev-rsa",
      include: ["**"],
      x5c: certificatesOf("dev-rsa.leafonly.pem"),
    });
    expect(problemOf(state, { certificates: [], keys: [keyOf("dev-ec256.pub"), keyOf("dev-rsa.pub")] })).toBe("ok");
    expect(problemOf(state, { certificates: [], keys: [keyOf("dev-second.pub"), keyOf("rogue.pub")] })).toEqual({
      kind: "mismatch",
      tried: 2,
    });
    expect(problemOf(state, { certificates: [], keys: [keyOf("dev-ec256.pub")] })).toEqual({
      kind: "noKey",
      algorithm: "RS256",
      found: "EC P-256",
    });
    expect(problemOf(state, { certificates: [], keys: [] })).toMatchObject({ kind: "noKey", found: "none at all" });
  });

  test("in keys does not help a signature whose certificates lead nowhere", () => {
    const [leaf] = certificatesOf("dev-rsa.chain.pem");
    const state = signed(unsigned, {
      name: "a",
      signer: "dev-rsa",
      include: ["**"],
      x5c: leaf === undefined ? [] : [leaf],
    });
    const keys = [keyOf("dev-rsa.pub")];
    expect(problemOf(state, { certificates: certificatesOf("root2.crt"), keys })).toMatchObject({ kind: "chain" });
    expect(problemOf(state, { certificates: [], keys })).toBe("ok");
  });

  test("in a certificate of the store reaches its key, but not that of an authority, which is no signer", () => {
    const state = signed(unsigned, { name: "a", signer: "selfsigned", include: ["**"] });
    expect(problemOf(state, { certificates: certificatesOf("selfsigned.crt"), keys: [] })).toBe("ok");
    expect(problemOf(state, { certificates: certificatesOf("trust-a.pem"), keys: [] })).toMatchObject({
      kind: "noKey",
    });
  });

  test("ends when a certificate does, unless nobody knows the time", () => {
    const state = signed(unsigned, {
      name: "a",
      signer: "dev-expired",
      include: ["**"],
      x5c: certificatesOf("dev-expired.chain.pem"),
    });
    const whom = { certificates: certificatesOf("trust-a.pem"), keys: [] };
    expect(problemOf(state, whom)).toMatchObject({ kind: "chain", fault: { kind: "expired" } });
    expect(problemOf(state, whom, { nowMs: Date.UTC(1990) })).toMatchObject({
      kind: "chain",
      fault: { kind: "notYet" },
    });
    expect(problemOf(state, whom, { nowMs: null })).toBe("ok");
  });
});

describe("ECDSA", () => {
  const whom = { certificates: [], keys: [keyOf("dev-ec256.pub"), keyOf("dev-ec384.pub")] };
  test.each(["dev-ec256", "dev-ec384"])("of %s in DER is for those who ask for it, and for nobody else", (signer) => {
    const der = signed(unsigned, { name: "a", signer, include: ["**"], form: "der" });
    expect(problemOf(der, whom, { ecdsa: "der" })).toBe("ok");
    expect(problemOf(der, whom)).toMatchObject({ kind: "length" });
    const raw = signed(unsigned, { name: "a", signer, include: ["**"] });
    expect(problemOf(raw, whom)).toBe("ok");
    expect(problemOf(raw, whom, { ecdsa: "der" })).not.toBe("ok");
  });

  test("of the vectors in DER", () => {
    const text = vectorText("verify/t16-es256-der-signature.state.json");
    const store = { certificates: certificatesOf("trust-a.pem"), keys: [] };
    expect(problemOf(text, store, { ecdsa: "der" })).toBe("ok");
  });
});

describe("the customer of a device's maker", () => {
  const oem = { name: "dev-rsa", certificates: certificatesOf("trust-a.pem") };
  const maker = { certificates: certificatesOf("root2.crt"), keys: [] };
  const x5c = certificatesOf("dev-rsa.chain.pem");
  const state = withMember(unsigned, "dev-rsa/run.json", {});
  const by = (include: readonly string[]) => signed(state, { name: "a", signer: "dev-rsa", include, x5c });

  test("signs containers", () => {
    expect(problemOf(by(["web/**", "device.json"]), maker, { oem })).toBe("ok");
    expect(problemOf(by(["web/**"]), maker)).toMatchObject({ kind: "chain" });
    expect(problemOf(by(["web/**"]), { certificates: [], keys: [] }, { oem })).toBe("ok");
  });

  test.each(["bsp/run.json", "bsp/**", "**", "dev-rsa/run.json"])("does not sign %s", (include) => {
    expect(problemOf(by([include]), maker, { oem })).toMatchObject({ kind: "chain", fault: { kind: "noIssuer" } });
  });

  test("is who is called so, and nobody else", () => {
    for (const name of ["dev-rsa2", "dev", "", "O=Vector Lab, CN=dev-rsa"]) {
      expect(problemOf(by(["web/**"]), maker, { oem: { ...oem, name } })).toMatchObject({ kind: "chain" });
    }
  });

  test("is not trusted by the maker's store as well", () => {
    const swapped = { name: "dev-rsa", certificates: certificatesOf("root2.crt") };
    const store = { certificates: certificatesOf("trust-a.pem"), keys: [] };
    expect(problemOf(by(["web/**"]), store, { oem: swapped })).toMatchObject({ kind: "chain" });
    expect(problemOf(by(["bsp/**"]), store, { oem: swapped })).toBe("ok");
  });
});
