import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { explainKeyFile, newPrivateKey, type PrivateKey, readPrivateKey } from "../../runtime/certificates/index.ts";
import { encodePublicKey, writePem } from "../../runtime/signatures/index.ts";
import { openssl } from "../signatures/openssl.ts";
import { vectorPath } from "../signatures/vectors.ts";

setDefaultTimeout(60_000); // many processes on a busy machine

const pem = (key: string): string => readFileSync(vectorPath(`pki/${key}.key`), "utf8");
const message = Buffer.from("to be signed");

function keyIn(text: string): PrivateKey {
  const read = readPrivateKey(text);
  if (!read.ok) throw new Error(explainKeyFile(read.error));
  return read.value;
}

const publicPem = (key: PrivateKey): string => writePem("PUBLIC KEY", encodePublicKey(key.publicKey));

describe("a private key that openssl wrote", () => {
  const curve = (name: string): string => openssl(["ecparam", "-name", name]).toString();
  test.each([
    ["PKCS #8 RSA", pem("dev-rsa")],
    ["PKCS #1 RSA", openssl(["rsa", "-traditional"], pem("dev-rsa")).toString()],
    ["PKCS #8 P-256", pem("dev-ec256")],
    ["SEC 1 P-256", openssl(["ec"], pem("dev-ec256")).toString()],
    ["SEC 1 P-384 behind its parameters", curve("secp384r1") + openssl(["ec"], pem("dev-ec384")).toString()],
    ["PKCS #8 P-384 behind a certificate", readFileSync(vectorPath("pki/root.crt"), "utf8") + pem("dev-ec384")],
  ])("in %s is read to its public key, and the first counts", (_what, text) => {
    const key = keyIn(text + pem("rogue"));
    expect(publicPem(key)).toBe(openssl(["pkey", "-pubout"], text).toString());
  });

  test.each([
    ["none", publicPem(keyIn(pem("dev-rsa")))],
    ["encrypted", openssl(["pkey", "-aes256", "-passout", "pass:x"], pem("dev-rsa")).toString()],
    ["encrypted", openssl(["rsa", "-traditional", "-aes256", "-passout", "pass:x"], pem("dev-rsa")).toString()],
    ["algorithm", pem("dev-ec521")],
    ["unusable", openssl(["genrsa", "1024"]).toString()],
    ["unusable", openssl(["genpkey", "-algorithm", "ed25519"]).toString()],
    ["unusable", openssl(["ecparam", "-name", "secp256k1", "-genkey", "-noout"]).toString()],
    ["broken", writePem("PRIVATE KEY", Uint8Array.of(0x30, 0))],
    ["pem", "-----BEGIN PRIVATE KEY-----\n"],
  ])("is refused as %s, with a sentence", (kind, text) => {
    const read = readPrivateKey(text);
    expect(read.ok ? "ok" : (read.error.kind as string)).toMatch(kind === "unusable" ? /^(?:unusable|broken)$/ : kind);
    if (!read.ok) expect(explainKeyFile(read.error)).toMatch(/.{20,}/);
  });
});

describe("a signature", () => {
  test.each([
    ["dev-rsa", "sha256"],
    ["dev-ec256", "sha256"],
    ["dev-ec384", "sha384"],
  ] as const)("by %s is the same each time", (name, hash) => {
    const key = keyIn(pem(name));
    expect(key.sign(hash, message)).toEqual(key.sign(hash, message));
    expect(key.sign(hash, message)).not.toEqual(key.sign(hash, Buffer.from("other")));
  });

  test("by ECDSA is that of RFC 6979, appendix A.2.5", () => {
    const d = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
    const sec1 = Buffer.from(`30310201010420${d}a00a06082a8648ce3d030107`, "hex");
    const key = keyIn(writePem("EC PRIVATE KEY", sec1));
    expect(Buffer.from(key.sign("sha256", Buffer.from("sample"))).toString("hex")).toBe(
      "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    );
  });
});

describe("a new key", () => {
  test.each([
    ["p256", /prime256v1/],
    ["p384", /secp384r1/],
    ["rsa", /3072 bit/],
  ] as const)("%s is one to openssl, too", (type, shown) => {
    const text = newPrivateKey(type);
    expect(openssl(["pkey", "-noout", "-text"], text).toString()).toMatch(shown);
    expect(openssl(["pkey", "-check", "-noout"], text).toString()).toMatch(/valid/i);
    expect(publicPem(keyIn(text))).toBe(openssl(["pkey", "-pubout"], text).toString());
    expect(newPrivateKey(type)).not.toBe(text);
  });
});
