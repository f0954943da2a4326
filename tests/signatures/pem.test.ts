import { describe, expect, test } from "bun:test";
import { ok } from "../../runtime/result.ts";
import {
  explainTrust,
  fingerprint,
  readCertificates,
  readPem,
  readPublicKeys,
  writePem,
} from "../../runtime/signatures/index.ts";
import { unwrap } from "./signed-state.ts";
import { vectorText } from "./vectors.ts";

const block = writePem("PUBLIC KEY", Uint8Array.of(1, 2, 3));
const key = vectorText("pki/dev-rsa.pub");

describe("a PEM file", () => {
  test("may have text between its blocks, ends of line of any kind, and no end of line at its end", () => {
    const text = `Bag Attributes\n  friendlyName: x\n${block}noise ----- BEGIN\n${block}`;
    const one = { label: "PUBLIC KEY", bytes: Uint8Array.of(1, 2, 3), encrypted: false };
    const wanted = ok([one, one]);
    expect(readPem(text)).toEqual(wanted);
    expect(readPem(text.replaceAll("\n", "\r\n"))).toEqual(wanted);
    expect(readPem(text.trimEnd())).toEqual(wanted);
  });

  test("with nothing in it has no blocks", () => {
    expect(readPem("")).toEqual({ ok: true, value: [] });
  });

  test("says which block is encrypted", () => {
    const text =
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    expect(readPem(text)).toMatchObject({ ok: true, value: [{ encrypted: true }] });
  });

  test.each([
    ["without an end", "x\n-----BEGIN A B-----\nAAAA\n", { kind: "noEnd", line: 2 }],
    ["with another end", "-----BEGIN A B-----\nAAAA\n-----END B-----\n", { kind: "noEnd", line: 1 }],
    ["that begins in another", `-----BEGIN A B-----\n${block}`, { kind: "noEnd", line: 1 }],
    ["that is no base64", "-----BEGIN A B-----\nA!AA\n-----END A B-----\n", { kind: "noBase64", line: 1 }],
    ["that is empty", "-----BEGIN A B-----\n-----END A B-----\n", { kind: "noBase64", line: 1 }],
    ["of base64url", "-----BEGIN A B-----\n_-8=\n-----END A B-----\n", { kind: "noBase64", line: 1 }],
  ])("with a block %s is refused", (_what, text, error) => {
    expect(readPem(text)).toEqual({ ok: false, error } as ReturnType<typeof readPem>);
  });

  test("with too much in it is refused", () => {
    expect(readPem("x".repeat((1 << 20) + 1))).toMatchObject({ ok: false, error: { kind: "tooLarge" } });
    expect(readPem(block.repeat(513))).toMatchObject({ ok: false, error: { kind: "tooManyBlocks" } });
  });
});

describe("trust in a PEM file", () => {
  test("is in all blocks of the kind, and others do not matter", () => {
    const mixed = vectorText("pki/dev-ec256.key") + vectorText("pki/root.crt") + key + vectorText("pki/dev-ec521.pub");
    expect(readPublicKeys(mixed)).toMatchObject({ ok: true, value: [{ kind: "rsa" }, { kind: "ec", curve: "P-521" }] });
    expect(readCertificates(mixed)).toMatchObject({
      ok: true,
      value: [{ subject: { text: "O=Vector Lab, CN=Root A" } }],
    });
  });

  test("names a key as openssl does", () => {
    const keys = readPublicKeys(key);
    const der = Bun.spawnSync(["openssl", "pkey", "-pubin", "-outform", "DER"], { stdin: Buffer.from(key) }).stdout;
    const wanted = new Bun.CryptoHasher("sha256").update(der).digest("hex");
    expect(keys.ok && keys.value.map(fingerprint)).toEqual([wanted]);
  });

  test.each([
    ["no key", vectorText("pki/root.crt"), 'it has no PEM block "PUBLIC KEY"'],
    ["a broken key", block, "its key 1 is broken (the key has another type)"],
    [
      "a broken file",
      "-----BEGIN A-B-----\n-----BEGIN PUBLIC KEY-----\n",
      "the PEM block that begins in line 2 has no end",
    ],
  ])("is refused for %s", (_what, text, sentence) => {
    const result = readPublicKeys(text);
    expect(result.ok ? "ok" : explainTrust(result.error)).toBe(sentence);
  });

  test("is refused for a certificate that is cut", () => {
    const [first] = unwrap(readPem(vectorText("pki/root.crt")));
    const cut = writePem("CERTIFICATE", first?.bytes.subarray(0, -1) ?? Uint8Array.of());
    const result = readCertificates(vectorText("pki/root.crt") + cut);
    expect(result.ok ? "ok" : explainTrust(result.error)).toBe(
      "its certificate 2 cannot be read: the certificate is longer than what holds it",
    );
  });
});
