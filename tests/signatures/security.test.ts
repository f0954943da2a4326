/** What went wrong elsewhere, as tests here: one for each lesson that concerns signatures. The name says whose. */
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { DerCursor } from "../../runtime/signatures/der/index.ts";
import { coverage, encodePublicKey, type Trust, verifyState } from "../../runtime/signatures/index.ts";
import { isSignedBy } from "../../runtime/signatures/primitive.ts";
import { canonicalMembers, parseState } from "../../runtime/state/index.ts";
import { certificatesOf, keyOf, NOW, sample, signed, trust, unsigned, withMember } from "./signed-state.ts";
import { vectorText } from "./vectors.ts";

/** As a device in mode strict has it. */
function accepted(state: string, whom: Trust = trust): boolean {
  const result = verifyState(state, whom, { nowMs: NOW });
  return result.ok && coverage(result.value, "strict").accepted;
}

const members: Record<string, Record<string, string>> = JSON.parse(sample);

/** The sample with one key under another name. */
function renamed(from: string, to: string): string {
  const { [from]: value, ...rest } = members;
  return JSON.stringify({ ...rest, [to]: value });
}

/** The sample with another header for the part web. */
function withHeader(change: (header: Record<string, unknown>) => object): string {
  const element = members["_sigs/web.json"] ?? {};
  const header = JSON.parse(Buffer.from(element["protected"] ?? "", "base64url").toString());
  const written = Buffer.from(JSON.stringify(change(header))).toString("base64url");
  return withMember(sample, "_sigs/web.json", { ...element, protected: written });
}

test("the sample is accepted", () => expect(accepted(sample)).toBe(true));

describe("Mender, CVE-2025-67903", () => {
  test("a file that no signature lists is refused", () => {
    expect(accepted(withMember(sample, "web/extra.sh", "0".repeat(64)))).toBe(false);
    expect(accepted(withMember(sample, "extra.json", {}))).toBe(false);
  });

  test.each(["", "0", "E3B0C442", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"])(
    "an empty or short digest (%p) is refused, by the signature and by the state's own rules",
    (digest) => {
      const state = withMember(sample, "web/root.squashfs", digest);
      expect(accepted(state)).toBe(false);
      expect(parseState(state).ok).toBe(false);
    },
  );

  test.each([
    "web/root.squashfs.gz",
    "web/root.squashfs.xz",
    "web//root.squashfs",
    "web/./root.squashfs",
    "web/x/../root.squashfs",
    "Web/root.squashfs",
    "web/root.squashfs/",
    "web/root%2Esquashfs",
    "web\\root.squashfs",
    "web/root.squashfs\u0000",
  ])("a name is what was signed, and nothing that looks like it: %p", (name) =>
    expect(accepted(renamed("web/root.squashfs", name))).toBe(false),
  );
});

test("Mender, the same release: what is there is exactly what was signed, no file less and no file more", () => {
  for (const key of Object.keys(members).filter((one) => !one.startsWith("_sigs/") && !one.endsWith("src.json"))) {
    expect([key, accepted(withMember(sample, key, undefined))]).toEqual([key, false]);
    expect([key, accepted(withMember(sample, `${key}2.json`, {}))]).toEqual([key, false]);
  }
});

test("Mender, MEN-1412: what is executed is signed as well as what is mounted", () => {
  for (const key of ["web/lxc.container.conf", "web/run.json", "bsp/run.json", "device.json", "#spec"]) {
    const value = typeof members[key] === "string" ? "f".repeat(64) : { ...members[key], hook: "/bin/sh" };
    expect([key, accepted(withMember(sample, key, value))]).toEqual([key, false]);
  }
});

test("RAUC, CVE-2026-34155: no length is so large that it becomes a small one", () => {
  for (const length of ["80000000", "80000001", "ffffffff", "fffffffe", "7fffffff"]) {
    const at = new DerCursor(Uint8Array.from(Buffer.from(`3084${length}0203010001`, "hex")));
    at.any("it");
    expect(at.fault).toBe("it is longer than what holds it");
  }
});

test("OSTree, GHSA-gqf4-p3gv-g8vw: a signature of any other length is no signature", () => {
  for (const key of [keyOf("dev-rsa.pub"), keyOf("dev-ec256.pub"), keyOf("dev-ec384.pub")]) {
    for (let length = 0; length < 600; length += 1) {
      for (const form of ["raw", "der"] as const) {
        expect(isSignedBy(key, "sha256", Buffer.from("x"), new Uint8Array(length).fill(1), form)).toBe(false);
      }
    }
  }
});

test("ECDSA with zeros, as CVE-2022-21449 took them: no numbers out of range", () => {
  const order = Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex");
  const [zero, one] = [Buffer.alloc(32), Buffer.concat([Buffer.alloc(31), Uint8Array.of(1)])];
  for (const r of [zero, one, order]) {
    for (const s of [zero, one, order]) {
      expect(isSignedBy(keyOf("dev-ec256.pub"), "sha256", Buffer.from("x"), Buffer.concat([r, s]), "raw")).toBe(false);
    }
  }
});

test("OSTree, 2019: a customer's key signs its containers and never the base system", () => {
  const oem = { name: "dev-rsa", certificates: certificatesOf("trust-a.pem") };
  const maker = { certificates: certificatesOf("root2.crt"), keys: [] };
  const by = (include: string) =>
    signed(unsigned, { name: "a", signer: "dev-rsa", include: [include], x5c: certificatesOf("dev-rsa.chain.pem") });
  expect(verifyState(by("web/**"), maker, { nowMs: NOW, oem }).ok).toBe(true);
  expect(verifyState(by("bsp/**"), maker, { nowMs: NOW, oem }).ok).toBe(false);
});

test("python-tuf, GHSA-wjw6-2cqr-j4qr: one signature given often is one signature", () => {
  const web = members["_sigs/web.json"];
  const again = withMember(sample, "_sigs/web2.json", web);
  const result = verifyState(again, trust, { nowMs: NOW });
  expect(result.ok && result.value.protected).toEqual(
    Object.keys(members)
      .filter((key) => !/^_sigs|src\.json$/.test(key))
      .sort(),
  );
  expect(accepted(withMember(again, "metrics/run.json", {}))).toBe(false);
});

describe("U-Boot, CVE-2020-10648: what is verified is what is used", () => {
  test.each([
    ["a key twice", vectorText("verify/t25-duplicate-key-last-good.state.json")],
    ["a key twice, once with escapes", sample.replace('"web/run.json"', '"web/run.js\\u006fn":{},"web/run.json"')],
    ["a member of a value twice", sample.replace('"name":"web"', '"name":"web","name":"web"')],
  ])("%s is refused by both readers", (_what, text) => {
    expect(text).not.toBe(sample);
    expect([verifyState(text, trust, { nowMs: NOW }).ok, parseState(text).ok]).toEqual([false, false]);
  });

  test("both readers see the same keys, names such as __proto__ included", () => {
    const text = withMember(sample, "x/__proto__.json", { ["__proto__"]: { a: 1 } });
    const [one, other] = [canonicalMembers(text), parseState(text)];
    if (!one.ok || one.value === null || !other.ok) throw new Error("wanted both to read it");
    expect(one.value.map(({ key }) => key).sort()).toEqual(other.value.entries.map(({ key }) => key).sort());
    expect(accepted(text)).toBe(false);
  });
});

describe("JOSE, CVE-2015-9235 and its like: the header does not choose how it is judged", () => {
  test.each(["none", "None", "HS256", "RS384", "PS256", "ES512", "EdDSA", "RSA1_5", ""])("algorithm %p", (alg) => {
    expect(accepted(withHeader((header) => ({ ...header, alg })))).toBe(false);
  });

  test("a MAC with the public key for its secret", () => {
    const element = members["_sigs/web.json"] ?? {};
    for (const secret of [encodePublicKey(keyOf("dev-second.pub")), vectorText("pki/dev-second.pub")]) {
      const mac = createHmac("sha256", secret)
        .update(element["protected"] ?? "")
        .digest("base64url");
      expect(accepted(withMember(sample, "_sigs/web.json", { ...element, signature: mac }))).toBe(false);
    }
  });

  test("a key that comes along is nobody's: whoever signs with it is not believed", () => {
    const rogue = signed(unsigned, { name: "all", signer: "rogue", include: ["**"] });
    expect(accepted(rogue)).toBe(false);
    expect(
      accepted(
        signed(unsigned, { name: "all", signer: "rogue", include: ["**"], x5c: certificatesOf("rogue.chain.pem") }),
      ),
    ).toBe(false);
    expect(accepted(rogue, { certificates: [], keys: [keyOf("rogue.pub")] })).toBe(true);
  });

  test("a signature of one part is none of another", () => {
    const [web, metrics] = [members["_sigs/web.json"], members["_sigs/metrics.json"]];
    const swapped = withMember(withMember(sample, "_sigs/web.json", metrics), "_sigs/metrics.json", web);
    expect(accepted(swapped)).toBe(true); // only their names have changed
    const mixed = withMember(sample, "_sigs/web.json", { ...web, signature: metrics?.["signature"] });
    expect(accepted(mixed)).toBe(false);
  });
});

describe("Pantavisor, rubbish in x5c took process 1 down", () => {
  const rubbish = [
    "",
    "AA==",
    "MAA=",
    "MIIB",
    "////",
    "0",
    "\u0000",
    "MIIDWjCCAkKgAwIBAgIU",
    "x".repeat(70_000),
    "MIL/////".repeat(100),
  ];
  test.each(rubbish)("%j is refused in order", (text) => {
    for (const x5c of [[text], [text, text], text, { 0: text }, [[text]], [null]]) {
      const state = withHeader((header) => ({ ...header, x5c }));
      const result = verifyState(state, trust, { nowMs: NOW });
      expect(result).toMatchObject({ ok: false, error: { kind: "signature", key: "_sigs/web.json" } });
    }
  });

  test("lists of patterns that are missing are refused, where the original ended", () => {
    for (const pvs of [undefined, null, {}, { include: null, exclude: null }, { include: ["**"] }, [], "x"]) {
      expect(accepted(withHeader((header) => ({ ...header, pvs })))).toBe(false);
    }
  });
});
