/** The vectors of PVS signatures: what verifiers must answer, and the bytes that signers must write. */
import { describe, expect, test } from "bun:test";
import { createHash, createPrivateKey, sign } from "node:crypto";
import {
  type Certificate,
  explainVerify,
  finishSignature,
  prepareSignature,
  readCertificates,
  readPublicKeys,
  type Trust,
  verifyState,
} from "../../runtime/signatures/index.ts";
import { vectorJson, vectorText } from "./vectors.ts";

const NOW = Date.UTC(2026, 0, 1);

interface Expected {
  readonly case: string;
  readonly trust: { readonly cacerts: string | null; readonly pubkey: string | null };
  readonly want: "ok" | "fail";
  readonly only_signatures?: readonly string[];
  readonly signatures: readonly {
    readonly path: string;
    readonly alg: string;
    readonly include: readonly string[];
    readonly exclude: readonly string[];
    readonly protected_keys: readonly string[];
    readonly excluded_keys: readonly string[];
    readonly notseen_keys: readonly string[];
    readonly payload_sha256: string;
    readonly payload_bytes: number;
  }[];
  readonly state_sha256: string;
  readonly observed: { readonly pvr: { readonly exit: number; readonly summary?: Record<string, readonly string[]> } };
}

const unwrap = <T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

function trustOf({ cacerts, pubkey }: Expected["trust"]): Trust {
  if (cacerts !== null) return { certificates: unwrap(readCertificates(vectorText(`pki/${cacerts}`))), keys: [] };
  return { certificates: [], keys: unwrap(readPublicKeys(vectorText(`pki/${pubkey}`))) };
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const cases = vectorJson<readonly { readonly case: string; readonly want: "ok" | "fail" }[]>("index.json");

describe.each(cases)("verifying $case", ({ case: name, want }) => {
  const expected = vectorJson<Expected>(`verify/${name}.expect.json`);
  const text = vectorText(`verify/${name}.state.json`);
  const only = expected.only_signatures;
  const options = { nowMs: NOW, ...(only === undefined ? {} : { only }) };
  const result = verifyState(text, trustOf(expected.trust), options);

  test(`the answer is ${want}`, () => {
    expect(sha256(text)).toBe(expected.state_sha256);
    expect(want).toBe(expected.want);
    expect(result.ok ? "ok" : explainVerify(result.error)).toMatch(
      want === "ok" ? /^ok$/ : /^(signature|the state) .{20,}/,
    );
  });

  if (want === "ok" && result.ok) {
    test("each key is where it should be", () => {
      const wanted = expected.signatures.toSorted((a, b) => (a.path < b.path ? -1 : 1));
      expect(
        result.value.signatures.map((one) => ({
          path: one.key,
          alg: one.algorithm,
          include: one.include,
          exclude: one.exclude,
          protected_keys: one.protected,
          excluded_keys: one.excluded,
          notseen_keys: one.notseen,
          payload_sha256: sha256(one.payload),
          payload_bytes: Buffer.byteLength(one.payload),
        })),
      ).toMatchObject(wanted.map(({ path, alg, ...rest }) => ({ path, alg, ...pick(rest) })));
      if (expected.observed.pvr.exit === 0) {
        const { protected: covered, excluded, notseen } = result.value;
        const summary = { protected: [], excluded: [], notseen: [], ...expected.observed.pvr.summary };
        expect({ protected: covered, excluded, notseen }).toEqual(summary);
      }
    });
  }
});

const pick = (one: Omit<Expected["signatures"][number], "path" | "alg">) => ({
  include: one.include,
  exclude: one.exclude,
  protected_keys: one.protected_keys,
  excluded_keys: one.excluded_keys,
  notseen_keys: one.notseen_keys,
  payload_sha256: one.payload_sha256,
  payload_bytes: one.payload_bytes,
});

test("every verify vector is looked at", () => {
  expect(cases).toHaveLength(57);
});

interface SignVector {
  readonly what: string;
  readonly key: string;
  readonly x5c: string | null;
  readonly state: string;
  readonly name: string;
  readonly pvr_sig_args: readonly string[];
  readonly expect: {
    readonly payload: string;
    readonly protected_json: string;
    readonly protected: string;
    readonly signing_input_sha256: string;
    readonly file_bytes: string;
    readonly deterministic: boolean;
  };
}

const signVectors = ["s01", "s02", "s03", "s04", "s05", "s06", "s07", "s08"].map((name) =>
  vectorJson<SignVector>(`sign/${name}.json`),
);

describe.each(signVectors)("signing: $what", ({ key, x5c, state, name, pvr_sig_args, expect: wanted }) => {
  const secret = createPrivateKey(vectorText(`pki/${key}`));
  const publicKey = unwrap(readPublicKeys(vectorText(`pki/${key.replace(".key", ".pub")}`)))[0];
  const certificates: readonly Certificate[] = x5c === null ? [] : unwrap(readCertificates(vectorText(`pki/${x5c}`)));
  const { pvs } = JSON.parse(wanted.protected_json);
  if (publicKey === undefined) throw new Error("a key");
  const prepared = unwrap(prepareSignature(state, { ...pvs, key: publicKey, x5c: certificates }));
  const answer = sign(prepared.hash, prepared.signingInput, { key: secret, dsaEncoding: "ieee-p1363" });
  const withPayload = pvr_sig_args.includes("--with-payload");

  test("the signed bytes are those of the original", () => {
    expect(prepared.payload).toBe(wanted.payload);
    expect(Buffer.from(prepared.protected, "base64url").toString()).toBe(wanted.protected_json);
    expect(prepared.protected).toBe(wanted.protected);
    expect(sha256(Buffer.from(prepared.signingInput).toString())).toBe(wanted.signing_input_sha256);
  });

  test(wanted.deterministic ? "the file is that of the original" : "the file has its form, and verifies", () => {
    const element = unwrap(finishSignature(prepared, answer, { withPayload }));
    if (wanted.deterministic) expect(element).toBe(wanted.file_bytes);
    const same = { ...JSON.parse(wanted.file_bytes), signature: "" };
    expect({ ...JSON.parse(element), signature: "" }).toEqual(same);
    const whole = JSON.stringify({ ...JSON.parse(state), [`_sigs/${name}.json`]: JSON.parse(element) });
    const trust = { certificates: [], keys: [publicKey] };
    expect(verifyState(whole, trust, { nowMs: NOW })).toMatchObject({ ok: true });
  });
});
