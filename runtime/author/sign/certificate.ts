import { createHash } from "node:crypto";
import {
  algorithmFor,
  type Certificate,
  der,
  derBits,
  derNull,
  derOid,
  derSequence,
  derUnsigned,
  encodePublicKey,
  type PublicKey,
  TAG,
} from "../../signatures/index.ts";
import type { PrivateKey } from "./private-key.ts";

/** A certificate to be issued. The same wish and the same issuer give the same bytes. */
export interface CertificateWish {
  readonly key: PublicKey;
  readonly commonName: string;
  /** True: it may sign other certificates. False: it may sign code, and nothing else. */
  readonly authority: boolean;
  /** Milliseconds since 1970; seconds count. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Who signs it. */
export interface Issuer {
  /** Null: the key's own certificate is to be made. */
  readonly certificate: Certificate | null;
  readonly key: PrivateKey;
}

/** OIDs of RFC 5280 appendix A, RFC 4055 section 5 and RFC 5758 section 3.2. */
const OID = {
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  codeSigning: "1.3.6.1.5.5.7.3.3",
} as const;
const SIGNATURES = {
  RS256: { oid: "1.2.840.113549.1.1.11", hash: "sha256", nothing: true },
  ES256: { oid: "1.2.840.10045.4.3.2", hash: "sha256", nothing: false },
  ES384: { oid: "1.2.840.10045.4.3.3", hash: "sha384", nothing: false },
} as const;
const TRUE = Uint8Array.of(0xff);

/** An X.509 v3 certificate in DER (RFC 5280). */
export function issueCertificate(wish: CertificateWish, { certificate, key: issuerKey }: Issuer): Uint8Array {
  const subject = nameOf(wish.commonName);
  const issuer = certificate?.subject.der ?? subject;
  const info = encodePublicKey(wish.key);
  const { oid, hash, nothing } = SIGNATURES[algorithmFor(issuerKey.publicKey) ?? "RS256"];
  const algorithm = derSequence(derOid(oid), ...(nothing ? [derNull()] : []));
  const validity = derSequence(timeOf(wish.notBeforeMs), timeOf(wish.notAfterMs));
  const rest = [algorithm, issuer, validity, subject, info, extensionsOf(wish, info, certificate)];
  // From the contents: unique for its issuer as RFC 5280 wants it, and the same each time.
  const serial = createHash("sha256").update(Buffer.concat(rest)).digest().subarray(0, 16);
  const version = der(TAG.context(0), derUnsigned(Uint8Array.of(2)));
  const signedPart = derSequence(version, derUnsigned(serial), ...rest);
  const signature = issuerKey.sign(hash, signedPart);
  return derSequence(
    signedPart,
    algorithm,
    derBits(issuerKey.publicKey.kind === "ec" ? sigValue(signature) : signature),
  );
}

const sigValue = (raw: Uint8Array): Uint8Array =>
  derSequence(derUnsigned(raw.subarray(0, raw.length / 2)), derUnsigned(raw.subarray(raw.length / 2)));

function nameOf(commonName: string): Uint8Array {
  const text = der(TAG.utf8String, Buffer.from(commonName));
  return derSequence(der(TAG.set, derSequence(derOid(OID.commonName), text)));
}

/** UTCTime for the years 1950 to 2049, GeneralizedTime for others (RFC 5280 section 4.1.2.5). */
function timeOf(ms: number): Uint8Array {
  const digits = `${new Date(ms).toISOString().replace(/\D/g, "").slice(0, 14)}Z`;
  const short = digits >= "1950" && digits < "2050";
  return der(short ? 0x17 : 0x18, Buffer.from(short ? digits.slice(2) : digits));
}

function extensionsOf({ authority }: CertificateWish, info: Uint8Array, issuer: Certificate | null): Uint8Array {
  const identifier = createHash("sha256").update(info).digest().subarray(0, 20); // RFC 7093 section 2
  const issuers = issuer === null ? identifier : issuer.subjectKeyIdentifier;
  const usage = authority ? Uint8Array.of(1, 0x06) : Uint8Array.of(7, 0x80); // keyCertSign and cRLSign; digitalSignature
  return der(
    TAG.context(3),
    derSequence(
      extension(OID.basicConstraints, true, derSequence(...(authority ? [der(TAG.boolean, TRUE)] : []))),
      extension(OID.keyUsage, true, der(TAG.bitString, usage)),
      ...(authority ? [] : [extension(OID.extendedKeyUsage, false, derSequence(derOid(OID.codeSigning)))]),
      extension(OID.subjectKeyIdentifier, false, der(TAG.octetString, identifier)),
      ...(issuers === null ? [] : [extension(OID.authorityKeyIdentifier, false, derSequence(der(0x80, issuers)))]),
    ),
  );
}

const extension = (oid: string, critical: boolean, value: Uint8Array): Uint8Array =>
  derSequence(derOid(oid), ...(critical ? [der(TAG.boolean, TRUE)] : []), der(TAG.octetString, value));
