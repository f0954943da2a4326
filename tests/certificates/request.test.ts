import { expect, setDefaultTimeout, test } from "bun:test";
import {
  explainRequest,
  makeRequest,
  newPrivateKey,
  REQUEST_BYTES_MAX,
  readPrivateKey,
  readRequest,
} from "../../runtime/certificates/index.ts";
import { encodePublicKey, writePem } from "../../runtime/signatures/index.ts";
import { openssl } from "../signatures/openssl.ts";
import { unwrap } from "../signatures/signed-state.ts";

setDefaultTimeout(60_000); // many processes on a busy machine

const pem = newPrivateKey("p256");
const key = unwrap(readPrivateKey(pem));
const ours = makeRequest("abcdefghijkl7", key);

/** A request that openssl makes with a key in a pipe. */
const theirs = (keyPem: string, ...more: readonly string[]): Uint8Array =>
  openssl(["req", "-new", "-key", "/dev/stdin", "-outform", "DER", ...more], keyPem);

function refusal(bytes: Uint8Array): string {
  const read = readRequest(bytes);
  return read.ok ? "taken" : explainRequest(read.error);
}

test("a request of ours is one to openssl, and signed by its key", () => {
  const file = writePem("CERTIFICATE REQUEST", ours);
  const { exitCode, stderr } = Bun.spawnSync(["openssl", "req", "-verify", "-noout"], { stdin: Buffer.from(file) });
  expect([exitCode, stderr.toString()]).toEqual([0, expect.stringMatching(/verify OK/i)]);
  const text = openssl(["req", "-noout", "-text"], file).toString();
  expect(text).toMatch(/Version: 1 \(0x0\)/);
  expect(text).toMatch(/Subject: CN ?= ?abcdefghijkl7\n/);
  expect(text).toMatch(/ASN1 OID: prime256v1/);
  expect(unwrap(readRequest(ours))).toEqual({ commonName: "abcdefghijkl7", key: key.publicKey });
  expect(makeRequest("abcdefghijkl7", key)).toEqual(ours);
});

test("a request of openssl is read, whatever else it wants", () => {
  for (const more of [[], ["-addext", "basicConstraints=CA:TRUE"], ["-addext", "subjectAltName=DNS:hub.example"]]) {
    const read = unwrap(readRequest(theirs(pem, "-subj", "/O=Lab/CN=abcdefghijkl7", ...more)));
    expect(read.commonName).toBe("abcdefghijkl7");
    expect(encodePublicKey(read.key)).toEqual(encodePublicKey(key.publicKey));
  }
});

test("keys, names and algorithms that we do not want are refused with what is wanted", () => {
  const subject = ["-subj", "/CN=a"];
  expect(refusal(theirs(newPrivateKey("p384"), ...subject))).toMatch(/EC P-384, wanted EC P-256/);
  expect(refusal(theirs(newPrivateKey("rsa"), ...subject))).toMatch(/RSA 3072, wanted EC P-256/);
  expect(refusal(theirs(pem, ...subject, "-sha1"))).toMatch(/algorithm 1\.2\.840\.10045\.4\.1, wanted ECDSA/);
  expect(refusal(theirs(pem, ...subject, "-sha512"))).toMatch(/wanted ECDSA with SHA-256/);
  expect(refusal(theirs(pem, "-subj", "/O=Lab"))).toMatch(/common name/);
  expect(refusal(theirs(pem, "-subj", "/CN=a/CN=b"))).toMatch(/common name/);
});

test("a request with any byte changed, cut off or added is refused", () => {
  for (let at = 0; at < ours.length; at += 1) {
    const changed = Uint8Array.from(ours);
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    expect(refusal(changed)).not.toBe("taken");
    expect(refusal(ours.subarray(0, at))).not.toBe("taken");
  }
  expect(refusal(Uint8Array.of(...ours, 0))).toMatch(/something follows/);
  expect(refusal(new Uint8Array(REQUEST_BYTES_MAX + 1))).toMatch(/at most 4096 bytes/);
});

test("somebody else's key is not certified: it takes its private half", () => {
  const other = unwrap(readPrivateKey(newPrivateKey("p256")));
  const stolen = makeRequest("abcdefghijkl7", { publicKey: other.publicKey, sign: key.sign });
  expect(readRequest(stolen)).toEqual({ ok: false, error: { kind: "proof" } });
});
