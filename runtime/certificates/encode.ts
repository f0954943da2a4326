import { algorithmFor, der, derBits, derNull, derOid, derSequence, derUnsigned, TAG } from "../signatures/index.ts";
import type { PrivateKey } from "./private-key.ts";

/** RFC 4055 section 5 and RFC 5758 section 3.2. */
const SIGNATURES = {
  RS256: { oid: "1.2.840.113549.1.1.11", hash: "sha256", nothing: true },
  ES256: { oid: "1.2.840.10045.4.3.2", hash: "sha256", nothing: false },
  ES384: { oid: "1.2.840.10045.4.3.3", hash: "sha384", nothing: false },
} as const;
const COMMON_NAME = "2.5.4.3";
export const TRUE = Uint8Array.of(0xff);

const schemeOf = ({ publicKey }: PrivateKey) => SIGNATURES[algorithmFor(publicKey) ?? "RS256"];

/** How `key` signs, as an AlgorithmIdentifier. */
export function algorithmOf(key: PrivateKey): Uint8Array {
  const { oid, nothing } = schemeOf(key);
  return derSequence(derOid(oid), ...(nothing ? [derNull()] : []));
}

/** Contents, how they are signed, and the signature: certificates, requests and revocation lists have it in common. */
export function signedBy(key: PrivateKey, signedPart: Uint8Array): Uint8Array {
  const signature = key.sign(schemeOf(key).hash, signedPart);
  return derSequence(
    signedPart,
    algorithmOf(key),
    derBits(key.publicKey.kind === "ec" ? sigValue(signature) : signature),
  );
}

const sigValue = (raw: Uint8Array): Uint8Array =>
  derSequence(derUnsigned(raw.subarray(0, raw.length / 2)), derUnsigned(raw.subarray(raw.length / 2)));

/** A name that is one common name. */
export function nameOf(commonName: string): Uint8Array {
  const text = der(TAG.utf8String, Buffer.from(commonName));
  return derSequence(der(TAG.set, derSequence(derOid(COMMON_NAME), text)));
}

/** UTCTime for the years 1950 to 2049, GeneralizedTime for others (RFC 5280 section 4.1.2.5). */
export function timeOf(ms: number): Uint8Array {
  const digits = `${new Date(ms).toISOString().replace(/\D/g, "").slice(0, 14)}Z`;
  const short = digits >= "1950" && digits < "2050";
  return der(short ? 0x17 : 0x18, Buffer.from(short ? digits.slice(2) : digits));
}

export const extension = (oid: string, critical: boolean, value: Uint8Array): Uint8Array =>
  derSequence(derOid(oid), ...(critical ? [der(TAG.boolean, TRUE)] : []), der(TAG.octetString, value));

/** Points to the issuer's key (RFC 5280 section 4.2.1.1); nothing when the issuer's certificate does not say how its key is called. */
export const authorityIdentifier = (identifier: Uint8Array | null): readonly Uint8Array[] =>
  identifier === null ? [] : [extension("2.5.29.35", false, derSequence(der(0x80, identifier)))];
