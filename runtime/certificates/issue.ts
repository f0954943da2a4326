import { createHash } from "node:crypto";
import {
  type Certificate,
  der,
  derOid,
  derSequence,
  derUnsigned,
  encodePublicKey,
  type PublicKey,
  TAG,
} from "../signatures/index.ts";
import { algorithmOf, authorityIdentifier, extension, nameOf, signedBy, TRUE, timeOf } from "./encode.ts";
import type { Host } from "./host.ts";
import type { PrivateKey } from "./private-key.ts";

/** What a certificate is good for, and for nothing else. */
export type Purpose =
  /** Signs certificates and revocation lists. `pathLengthMax`: authorities that may follow below it; null: any number, 0: none. */
  | { readonly kind: "authority"; readonly pathLengthMax: number | null }
  | { readonly kind: "codeSigning" }
  /** A TLS server that is reached under these names. */
  | { readonly kind: "server"; readonly hosts: readonly Host[] }
  /** A TLS client. */
  | { readonly kind: "client" };

/** A certificate to be issued. The same wish and the same issuer give the same bytes. */
export interface CertificateWish {
  readonly key: PublicKey;
  readonly commonName: string;
  readonly purpose: Purpose;
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

/** OIDs of RFC 5280 appendix A. */
const OID = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
} as const;
const EXTENDED_USAGES = {
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
  codeSigning: "1.3.6.1.5.5.7.3.3",
} as const;

/** An X.509 v3 certificate in DER (RFC 5280). */
export function issueCertificate(wish: CertificateWish, { certificate, key: issuerKey }: Issuer): Uint8Array {
  const subject = nameOf(wish.commonName);
  const issuer = certificate?.subject.der ?? subject;
  const info = encodePublicKey(wish.key);
  const validity = derSequence(timeOf(wish.notBeforeMs), timeOf(wish.notAfterMs));
  const extensions = extensionsOf(wish.purpose, info, certificate);
  const rest = [algorithmOf(issuerKey), issuer, validity, subject, info, extensions];
  // From the contents: unique for its issuer as RFC 5280 wants it, and the same each time.
  const serial = createHash("sha256").update(Buffer.concat(rest)).digest().subarray(0, 16);
  const version = der(TAG.context(0), derUnsigned(Uint8Array.of(2)));
  return signedBy(issuerKey, derSequence(version, derUnsigned(serial), ...rest));
}

function extensionsOf(purpose: Purpose, info: Uint8Array, issuer: Certificate | null): Uint8Array {
  const identifier = createHash("sha256").update(info).digest().subarray(0, 20); // RFC 7093 section 2
  const ofIssuer = issuer === null ? identifier : issuer.subjectKeyIdentifier;
  return der(
    TAG.context(3),
    derSequence(
      ...usageOf(purpose),
      extension(OID.subjectKeyIdentifier, false, der(TAG.octetString, identifier)),
      ...authorityIdentifier(ofIssuer),
      ...(purpose.kind === "server" ? [extension(OID.subjectAlternativeName, false, namesOf(purpose.hosts))] : []),
    ),
  );
}

function usageOf(purpose: Purpose): readonly Uint8Array[] {
  if (purpose.kind === "authority") {
    const { pathLengthMax } = purpose;
    const length = pathLengthMax === null ? [] : [derUnsigned(Uint8Array.of(pathLengthMax))];
    return [
      extension(OID.basicConstraints, true, derSequence(der(TAG.boolean, TRUE), ...length)),
      extension(OID.keyUsage, true, der(TAG.bitString, Uint8Array.of(1, 0x06))), // keyCertSign and cRLSign
    ];
  }
  return [
    extension(OID.basicConstraints, true, derSequence()),
    extension(OID.keyUsage, true, der(TAG.bitString, Uint8Array.of(7, 0x80))), // digitalSignature
    extension(OID.extendedKeyUsage, false, derSequence(derOid(EXTENDED_USAGES[purpose.kind]))),
  ];
}

/** GeneralNames (RFC 5280 section 4.2.1.6): `dNSName` is [2], `iPAddress` [7]. */
const namesOf = (hosts: readonly Host[]): Uint8Array =>
  derSequence(
    ...hosts.map((host) => (host.kind === "name" ? der(0x82, Buffer.from(host.text)) : der(0x87, host.bytes))),
  );
