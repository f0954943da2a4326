import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { DerCursor, derSequence, derUnsigned } from "./der/index.ts";
import { type Curve, coordinateBytes, encodePublicKey, type PublicKey } from "./public-key.ts";

export type Hash = "sha256" | "sha384" | "sha512";

/** How an ECDSA signature is written: `raw` is r‖s as JOSE has it (RFC 7518 section 3.4), `der` what OpenSSL and the C verifier have. */
export type EcdsaForm = "raw" | "der";

const curves = { "P-256": p256, "P-384": p384, "P-521": p521 } as const;

/**
 * Did the owner of `key` sign `message`? RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2) by the platform's crypto, ECDSA (FIPS 186-4) by
 * `@noble/curves`. Anything that is no signature of this key is false: wrong length, numbers out of range, a point off the curve.
 */
export function isSignedBy(
  key: PublicKey,
  hash: Hash,
  message: Uint8Array,
  signature: Uint8Array,
  form: EcdsaForm,
): boolean {
  if (!mayBeOf(key, signature, form)) return false;
  if (key.kind === "rsa") return isRsaSigned(key, hash, message, signature);
  const raw = form === "raw" ? signature : rawOf(signature, key.curve);
  if (raw === null) return false;
  const digest = createHash(hash).update(message).digest();
  try {
    return curves[key.curve].verify(raw, digest, key.point, { prehash: false, lowS: false });
  } catch {
    return false; // r or s out of range, or no point of the curve
  }
}

/** Has the signature a length that one of this key can have? */
export function mayBeOf(key: PublicKey, { length }: Uint8Array, form: EcdsaForm): boolean {
  if (key.kind === "rsa") return length === key.modulus.length;
  const size = coordinateBytes(key.curve);
  return form === "raw" ? length === 2 * size : length >= DER_BYTES_MIN && length <= 2 * size + DER_BYTES_MORE;
}

/** Of an `ECDSA-Sig-Value` with two numbers of one byte; and what long ones need beside their digits. */
const DER_BYTES_MIN = 8;
const DER_BYTES_MORE = 9;

const imported = new WeakMap<PublicKey, KeyObject>();

function isRsaSigned(
  key: PublicKey & { kind: "rsa" },
  hash: Hash,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const ready =
      imported.get(key) ?? createPublicKey({ key: Buffer.from(encodePublicKey(key)), format: "der", type: "spki" });
    imported.set(key, ready);
    return verify(hash, message, ready, signature);
  } catch {
    return false; // numbers that the platform takes for no key
  }
}

/** r‖s of an `ECDSA-Sig-Value` (RFC 5480 appendix A); null when it is none, or its numbers are too long for the curve. */
export function rawOf(signature: Uint8Array, curve: Curve): Uint8Array | null {
  const outer = new DerCursor(signature);
  const numbers = outer.inside("the signature");
  outer.end("the signature");
  const [r, s] = [numbers.unsigned("r"), numbers.unsigned("s")];
  numbers.end("s");
  const size = coordinateBytes(curve);
  if (outer.fault !== null || r.length > size || s.length > size) return null;
  const raw = new Uint8Array(2 * size);
  raw.set(r, size - r.length);
  raw.set(s, 2 * size - s.length);
  return raw;
}

/** The `ECDSA-Sig-Value` of r‖s. */
export const derOfRaw = (raw: Uint8Array): Uint8Array =>
  derSequence(derUnsigned(raw.subarray(0, raw.length / 2)), derUnsigned(raw.subarray(raw.length / 2)));
