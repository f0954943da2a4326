import { err, ok, type Result } from "../result.ts";
import {
  DerCursor,
  der,
  derSequence,
  derUnsigned,
  encodePublicKey,
  explainKey,
  isSignedBy,
  type KeyFault,
  kindOf,
  type PublicKey,
  readName,
  readPublicKey,
  TAG,
} from "../signatures/index.ts";
import { nameOf, signedBy } from "./encode.ts";
import type { PrivateKey } from "./private-key.ts";

/** What a device asks a certificate for. Whoever made the request has the private key. */
export interface CertificateRequest {
  readonly commonName: string;
  /** On P-256. */
  readonly key: PublicKey;
}

/** Why bytes are no request that we answer; `what` and `oid` are for people. */
export type RequestFault =
  | { readonly kind: "tooLarge"; readonly bytesMax: number }
  | { readonly kind: "malformed"; readonly what: string }
  | { readonly kind: "key"; readonly fault: KeyFault }
  | { readonly kind: "curve"; readonly found: string }
  | { readonly kind: "algorithm"; readonly oid: string }
  | { readonly kind: "name" }
  /** The signature is not of the key that it asks for. */
  | { readonly kind: "proof" };

/** One of ours has 230. */
export const REQUEST_BYTES_MAX = 4096;
const ECDSA_SHA256 = "1.2.840.10045.4.3.2"; // RFC 5758 section 3.2
const ATTRIBUTES = TAG.context(0);

/** A certification request (PKCS #10, RFC 2986) in DER, without attributes. The same key and name give the same bytes. */
export function makeRequest(commonName: string, key: PrivateKey): Uint8Array {
  const version = derUnsigned(Uint8Array.of(0));
  const info = derSequence(version, nameOf(commonName), encodePublicKey(key.publicKey), der(ATTRIBUTES));
  return signedBy(key, info);
}

/**
 * Reads a request and checks that it is signed with the private half of its key, which is on P-256. Attributes are not looked at: what a
 * certificate says is decided by who issues it.
 */
export function readRequest(bytes: Uint8Array): Result<CertificateRequest, RequestFault> {
  if (bytes.length > REQUEST_BYTES_MAX) return err({ kind: "tooLarge", bytesMax: REQUEST_BYTES_MAX });
  const outer = new DerCursor(bytes);
  const whole = outer.inside("the request");
  outer.end("the request");
  const { whole: signedPart, contents } = whole.element("the signed part", TAG.sequence);
  const algorithm = whole.inside("the algorithm");
  const oid = algorithm.oid("the algorithm");
  const signature = whole.bits("the signature");
  whole.end("the signature");
  if (outer.fault !== null) return err({ kind: "malformed", what: outer.fault });

  const info = new DerCursor(contents);
  info.small("the version", 0);
  const { commonName } = readName(info, "the subject");
  const key = readPublicKey(info.element("the key", TAG.sequence).whole);
  info.element("the attributes", ATTRIBUTES);
  info.end("the attributes");
  if (info.fault !== null) return err({ kind: "malformed", what: info.fault });
  if (commonName === null) return err({ kind: "name" });
  if (!key.ok) return err({ kind: "key", fault: key.error });
  if (key.value.kind !== "ec" || key.value.curve !== "P-256") return err({ kind: "curve", found: kindOf(key.value) });
  if (oid !== ECDSA_SHA256 || algorithm.more) return err({ kind: "algorithm", oid });
  const proven = isSignedBy(key.value, "sha256", signedPart, signature, "der");
  return proven ? ok({ commonName, key: key.value }) : err({ kind: "proof" });
}

/** To be put behind a colon. */
export function explainRequest(fault: RequestFault): string {
  switch (fault.kind) {
    case "tooLarge":
      return `a certificate request has at most ${fault.bytesMax} bytes`;
    case "malformed":
      return `no certificate request (PKCS #10 in DER): ${fault.what}`;
    case "key":
      return `its key is ${explainKey(fault.fault)}`;
    case "curve":
      return `its key is ${fault.found}, wanted EC P-256`;
    case "algorithm":
      return `it is signed with algorithm ${fault.oid}, wanted ECDSA with SHA-256 (${ECDSA_SHA256})`;
    case "name":
      return "its subject has not exactly one common name";
    case "proof":
      return "it is not signed with the private half of its key";
  }
}
