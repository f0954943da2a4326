import { err, ok, type Result } from "../../result.ts";
import { DerCursor, TAG } from "../der/index.ts";
import { limits } from "../limits.ts";
import type { Hash } from "../primitive.ts";
import { type KeyFault, type PublicKey, readPublicKey } from "../public-key.ts";
import { type Extensions, NO_EXTENSIONS, readExtensions } from "./extensions.ts";
import { type DistinguishedName, readName } from "./name.ts";
import { readTime } from "./time.ts";

/** How a certificate is signed: PKCS1-v1_5 or ECDSA in DER, over the digest of its `signedPart`. */
export interface CertificateSignature {
  readonly scheme: "rsa" | "ec";
  readonly hash: Hash;
}

/** An X.509 certificate (RFC 5280 section 4.1), as much of it as the way to a trusted one needs. */
export interface Certificate extends Extensions {
  readonly der: Uint8Array;
  readonly signedPart: Uint8Array;
  /** How its issuer calls it: the bytes of a DER integer. */
  readonly serial: Uint8Array;
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  /** Milliseconds since 1970, both included. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** A key of a kind that we do not use is no fault as long as nobody uses it. */
  readonly key: Result<PublicKey, KeyFault>;
  /** Null: an algorithm that we do not accept, `signatureOid` says which. */
  readonly signatureAlgorithm: CertificateSignature | null;
  readonly signatureOid: string;
  readonly signature: Uint8Array;
}

/** RFC 4055 section 5 and RFC 5758 section 3.2. No SHA-1, no MD5, no PSS. */
const ALGORITHMS: ReadonlyMap<string, CertificateSignature> = new Map([
  ["1.2.840.113549.1.1.11", { scheme: "rsa", hash: "sha256" }],
  ["1.2.840.113549.1.1.12", { scheme: "rsa", hash: "sha384" }],
  ["1.2.840.113549.1.1.13", { scheme: "rsa", hash: "sha512" }],
  ["1.2.840.10045.4.3.2", { scheme: "ec", hash: "sha256" }],
  ["1.2.840.10045.4.3.3", { scheme: "ec", hash: "sha384" }],
  ["1.2.840.10045.4.3.4", { scheme: "ec", hash: "sha512" }],
]);
const VERSION_MAX = 2; // v3
const SERIAL_BYTES_MAX = 32; // RFC 5280 says 20; some authorities were more generous

/** Reads one certificate. An error says what does not fit, for people. Nothing is checked here that depends on others or the time. */
export function readCertificate(der: Uint8Array): Result<Certificate, string> {
  if (der.length > limits.certificateBytesMax) return err(`more than ${limits.certificateBytesMax} bytes`);
  const outer = new DerCursor(der);
  const whole = outer.inside("the certificate");
  outer.end("the certificate");
  const { whole: signedPart, contents } = whole.element("the signed part", TAG.sequence);
  const algorithm = whole.element("the algorithm", TAG.sequence);
  const signature = whole.bits("the signature");
  whole.end("the signature");
  if (outer.fault !== null) return err(outer.fault);

  const inner = new DerCursor(contents);
  const version = inner.tag === TAG.context(0) ? readVersion(inner) : 0;
  const serial = inner.element("the serial number", TAG.integer).contents;
  if (serial.length === 0 || serial.length > SERIAL_BYTES_MAX)
    inner.fail("the serial number has a length that none has");
  const innerAlgorithm = inner.element("the algorithm", TAG.sequence);
  const issuer = readName(inner, "the issuer");
  const validity = inner.inside("the validity");
  const notBeforeMs = readTime(validity, "the beginning of its validity");
  const notAfterMs = readTime(validity, "the end of its validity");
  validity.end("the validity");
  const subject = readName(inner, "the subject");
  const key = readPublicKey(inner.element("the key", TAG.sequence).whole);
  if (inner.tag === 0x81) inner.any("the issuer's identifier");
  if (inner.tag === 0x82) inner.any("the subject's identifier");
  const extensions = version === VERSION_MAX && inner.more ? extensionsOf(inner) : NO_EXTENSIONS;
  inner.end("the signed part");
  // Else an attacker chooses the one that is looked at.
  if (!Buffer.from(innerAlgorithm.whole).equals(algorithm.whole)) inner.fail("two different algorithms");
  const signatureOid = algorithmOf(algorithm.contents, inner);
  if (inner.fault !== null) return err(inner.fault);
  const signatureAlgorithm = ALGORITHMS.get(signatureOid) ?? null;
  const read = { der, signedPart, serial, subject, issuer, notBeforeMs, notAfterMs, key };
  return ok({ ...read, signatureAlgorithm, signatureOid, signature, ...extensions });
}

function readVersion(inner: DerCursor): number {
  const version = inner.inside("the version", TAG.context(0));
  const number = version.small("the version", VERSION_MAX);
  version.end("the version");
  return number;
}

function extensionsOf(inner: DerCursor): Extensions {
  const wrapped = inner.inside("the extensions", TAG.context(3));
  const extensions = readExtensions(wrapped.inside("the extensions"));
  wrapped.end("the extensions");
  return extensions;
}

/** Parameters are null or absent in every algorithm that we accept; those of others do not matter. */
function algorithmOf(contents: Uint8Array, outer: DerCursor): string {
  const algorithm = new DerCursor(contents);
  const oid = algorithm.oid("the algorithm");
  if (ALGORITHMS.has(oid) && algorithm.more) algorithm.element("the algorithm's parameters", TAG.nothing);
  if (ALGORITHMS.has(oid)) algorithm.end("the algorithm's parameters");
  if (algorithm.fault !== null) outer.fail(algorithm.fault);
  return oid;
}
