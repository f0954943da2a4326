import { createHash } from "node:crypto";
import { err, ok, type Result } from "../result.ts";
import { encodeBase64Url } from "./base64.ts";
import { DerCursor, derBits, derNull, derOid, derSequence, derUnsigned } from "./der/index.ts";
import { limits } from "./limits.ts";

export type Curve = "P-256" | "P-384" | "P-521";

/** A key that can check signatures. Numbers are big-endian without leading zeros; `point` is 4, x, y (SEC 1 section 2.3.3). */
export type PublicKey =
  | { readonly kind: "rsa"; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
  | { readonly kind: "ec"; readonly curve: Curve; readonly point: Uint8Array };

/** Why bytes are no key that we use; `what` is for people. */
export type KeyFault =
  | { readonly kind: "malformed"; readonly what: string }
  | { readonly kind: "unsupported"; readonly what: string };

const RSA = "1.2.840.113549.1.1.1"; // rsaEncryption, RFC 8017 appendix A.1
const EC = "1.2.840.10045.2.1"; // id-ecPublicKey, RFC 5480 section 2.1.1
const CURVES: ReadonlyMap<string, Curve> = new Map([
  ["1.2.840.10045.3.1.7", "P-256"],
  ["1.3.132.0.34", "P-384"],
  ["1.3.132.0.35", "P-521"],
]);
/** Bytes of one coordinate, and of each half of a signature. */
export const coordinateBytes = (curve: Curve): number => ({ "P-256": 32, "P-384": 48, "P-521": 66 })[curve];

/** A SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7): RSA of 2048 to 8192 bits, or a point of a NIST curve that is not compressed. */
export function readPublicKey(bytes: Uint8Array): Result<PublicKey, KeyFault> {
  const outer = new DerCursor(bytes);
  const info = outer.inside("the key");
  outer.end("the key");
  const algorithm = info.inside("its algorithm");
  const oid = algorithm.oid("its algorithm");
  const curve = oid === EC ? algorithm.oid("its curve") : null;
  if (oid === RSA) algorithm.element("the parameters of its algorithm", 0x05);
  const bits = info.bits("its value");
  info.end("its value");
  if (info.fault === null && oid !== RSA && oid !== EC) return err({ kind: "unsupported", what: `algorithm ${oid}` });
  algorithm.end("its algorithm");
  if (info.fault !== null) return err({ kind: "malformed", what: info.fault });
  return curve === null ? rsaKey(bits) : ecKey(curve, bits);
}

function rsaKey(bytes: Uint8Array): Result<PublicKey, KeyFault> {
  const outer = new DerCursor(bytes);
  const numbers = outer.inside("the RSA key");
  outer.end("the RSA key");
  const modulus = numbers.unsigned("its modulus");
  const exponent = numbers.unsigned("its exponent");
  numbers.end("its exponent");
  if (outer.fault !== null) return err({ kind: "malformed", what: outer.fault });
  const [top = 0] = modulus;
  const bitCount = modulus.length * 8 - Math.clz32(top) + 24;
  if (bitCount < limits.rsaBitsMin || bitCount > limits.rsaBitsMax) {
    return err({ kind: "unsupported", what: `RSA of ${bitCount} bits` });
  }
  const odd = (number: Uint8Array): boolean => ((number.at(-1) ?? 0) & 1) === 1;
  const usual = exponent.length <= 4 && (exponent.length > 1 || (exponent[0] ?? 0) > 2);
  if (!odd(modulus) || !odd(exponent) || !usual) return err({ kind: "malformed", what: "numbers that no RSA key has" });
  return ok({ kind: "rsa", modulus, exponent });
}

function ecKey(oid: string, point: Uint8Array): Result<PublicKey, KeyFault> {
  const curve = CURVES.get(oid);
  if (curve === undefined) return err({ kind: "unsupported", what: `curve ${oid}` });
  if (point[0] !== 4 || point.length !== 1 + 2 * coordinateBytes(curve)) {
    return err({ kind: "malformed", what: `no uncompressed point of ${curve}` });
  }
  return ok({ kind: "ec", curve, point });
}

/** The SubjectPublicKeyInfo of a key. */
export function encodePublicKey(key: PublicKey): Uint8Array {
  if (key.kind === "rsa") {
    const numbers = derSequence(derUnsigned(key.modulus), derUnsigned(key.exponent));
    return derSequence(derSequence(derOid(RSA), derNull()), derBits(numbers));
  }
  const [oid = ""] = [...CURVES].find(([, curve]) => curve === key.curve) ?? [];
  return derSequence(derSequence(derOid(EC), derOid(oid)), derBits(key.point));
}

/** How a key is called: SHA-256 of its SubjectPublicKeyInfo, as `openssl pkey -pubin -outform DER | sha256sum` prints it. */
export const fingerprint = (key: PublicKey): string => createHash("sha256").update(encodePublicKey(key)).digest("hex");

/** The kind of a key for people: `RSA 2048`, `EC P-256`. */
export const kindOf = (key: PublicKey): string =>
  key.kind === "ec" ? `EC ${key.curve}` : `RSA ${key.modulus.length * 8 - Math.clz32(key.modulus[0] ?? 0) + 24}`;

/** The key as JWK (RFC 7518 section 6), members in the order in which the original writes them. */
export function jwkOf(key: PublicKey): Readonly<Record<string, string>> {
  if (key.kind === "rsa") return { kty: "RSA", n: encodeBase64Url(key.modulus), e: encodeBase64Url(key.exponent) };
  const size = coordinateBytes(key.curve);
  const [x, y] = [key.point.subarray(1, 1 + size), key.point.subarray(1 + size)];
  return { kty: "EC", crv: key.curve, x: encodeBase64Url(x), y: encodeBase64Url(y) };
}

/** Why a key cannot be used, to be put behind a colon. */
export const explainKey = (fault: KeyFault): string =>
  fault.kind === "malformed"
    ? `broken (${fault.what})`
    : `${fault.what} is not supported: wanted RSA of ${limits.rsaBitsMin} to ${limits.rsaBitsMax} bits, or EC on P-256, P-384 or P-521`;
