import { type Certificate, der, derSequence, derUnsigned, TAG } from "../signatures/index.ts";
import { algorithmOf, authorityIdentifier, extension, signedBy, timeOf } from "./encode.ts";
import type { PrivateKey } from "./private-key.ts";

/** A certificate that counts no more. */
export interface Revoked {
  /** As the certificate has it. */
  readonly serial: Uint8Array;
  /** Milliseconds since 1970; seconds count. */
  readonly atMs: number;
}

export interface RevocationListWish {
  readonly revoked: readonly Revoked[];
  /** Grows with every list of an issuer. */
  readonly number: number;
  readonly thisUpdateMs: number;
  /** From then on OpenSSL takes nobody's certificate any more, until there is a newer list. */
  readonly nextUpdateMs: number;
}

const CRL_NUMBER = "2.5.29.20";
const V2 = derUnsigned(Uint8Array.of(1));

/** A certificate revocation list v2 in DER (RFC 5280 section 5). */
export function issueRevocationList(
  { revoked, number, thisUpdateMs, nextUpdateMs }: RevocationListWish,
  { certificate, key }: { readonly certificate: Certificate; readonly key: PrivateKey },
): Uint8Array {
  const entries = revoked.map(({ serial, atMs }) => derSequence(derUnsigned(serial), timeOf(atMs)));
  const digits = Buffer.alloc(8);
  digits.writeBigUInt64BE(BigInt(number));
  const list = derSequence(
    V2,
    algorithmOf(key),
    certificate.subject.der,
    timeOf(thisUpdateMs),
    timeOf(nextUpdateMs),
    ...(entries.length === 0 ? [] : [derSequence(...entries)]), // absent, not empty (section 5.1.2.6)
    der(
      TAG.context(0),
      derSequence(
        ...authorityIdentifier(certificate.subjectKeyIdentifier),
        extension(CRL_NUMBER, false, derUnsigned(digits)),
      ),
    ),
  );
  return signedBy(key, list);
}
