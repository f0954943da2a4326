import { err, ok, type Result } from "../../result.ts";
import { limits } from "../limits.ts";
import { isSignedBy } from "../primitive.ts";
import { explainKey, type KeyFault } from "../public-key.ts";
import type { Certificate } from "./certificate.ts";

/** Why a certificate does not lead to a trusted one. `subject` is whose certificate it is about. */
export type ChainFault =
  | { readonly kind: "notYet" | "expired"; readonly subject: string; readonly atMs: number }
  | { readonly kind: "critical"; readonly subject: string; readonly oid: string }
  /** Its key may not be used for this. */
  | { readonly kind: "usage"; readonly subject: string; readonly wanted: "digitalSignature" | "codeSigning" }
  | { readonly kind: "key"; readonly subject: string; readonly fault: KeyFault }
  /** It is no authority, or may not sign certificates, or not one so far away. */
  | { readonly kind: "authority"; readonly subject: string; readonly what: "ca" | "keyCertSign" | "pathLength" }
  | { readonly kind: "algorithm"; readonly subject: string; readonly oid: string }
  | { readonly kind: "signature"; readonly subject: string; readonly issuer: string }
  /** Neither the trust store nor what came along has the issuer's certificate. */
  | { readonly kind: "noIssuer"; readonly subject: string; readonly issuer: string }
  | { readonly kind: "tooLong" };

const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const ANY_PURPOSE = "2.5.29.37.0";

export interface ChainOptions {
  /** Milliseconds since 1970 at which all must be valid; null: the time is not known, for devices without a clock. */
  readonly nowMs: number | null;
  /** It is at least so late: what ended before has ended, whatever the clock says. */
  readonly floorMs?: number;
}

/**
 * A way from `leaf` to a certificate of `store`, by way of `others` in any order (RFC 5280 section 6, without policies and name
 * constraints: critical ones refuse). All must be valid at the time, the leaf may sign code, the others certificates; purposes, where
 * a certificate has them, hold for all below it. A leaf that is in the store itself is its own way. The error is of the first way
 * that was tried to its furthest.
 */
export function findChain(
  leaf: Certificate,
  others: readonly Certificate[],
  store: readonly Certificate[],
  time: ChainOptions,
): Result<readonly Certificate[], ChainFault> {
  const fault = leafFault(leaf, time);
  if (fault !== null) return err(fault);
  if (store.some((anchor) => sameBytes(anchor.der, leaf.der))) return ok([leaf]);
  return new Search(others, store, time).from([leaf]);
}

class Search {
  private checks = 0;

  constructor(
    private readonly others: readonly Certificate[],
    private readonly store: readonly Certificate[],
    private readonly time: ChainOptions,
  ) {}

  from(chain: readonly [Certificate, ...Certificate[]]): Result<readonly Certificate[], ChainFault> {
    const [below] = chain.toReversed() as [Certificate];
    if (chain.length >= limits.chainMax) return err({ kind: "tooLong" });
    let first: ChainFault | null = null;
    for (const [issuer, trusted] of this.issuersOf(below, chain)) {
      const fault = this.linkFault(below, issuer, chain);
      if (fault === null) {
        if (trusted) return ok([...chain, issuer]);
        const found = this.from([...chain, issuer]);
        if (found.ok) return found;
        first ??= found.error;
      }
      first ??= fault;
    }
    return err(first ?? { kind: "noIssuer", subject: below.subject.text, issuer: below.issuer.text });
  }

  private issuersOf(below: Certificate, chain: readonly Certificate[]): readonly (readonly [Certificate, boolean])[] {
    const fits = ({ subject, der }: Certificate): boolean =>
      sameBytes(subject.der, below.issuer.der) && !chain.some((used) => sameBytes(used.der, der));
    return [
      ...this.store.filter(fits).map((anchor) => [anchor, true] as const),
      ...this.others.filter(fits).map((other) => [other, false] as const),
    ];
  }

  private linkFault(below: Certificate, issuer: Certificate, chain: readonly Certificate[]): ChainFault | null {
    const subject = issuer.subject.text;
    const fault = commonFault(issuer, this.time) ?? authorityFault(issuer, chain);
    if (fault !== null) return fault;
    if (!issuer.key.ok) return { kind: "key", subject, fault: issuer.key.error };
    const { signatureAlgorithm: algorithm, signedPart, signature } = below;
    if (algorithm === null || algorithm.scheme !== issuer.key.value.kind) {
      return { kind: "algorithm", subject: below.subject.text, oid: below.signatureOid };
    }
    this.checks += 1;
    if (this.checks > limits.chainChecksMax) return { kind: "tooLong" };
    if (isSignedBy(issuer.key.value, algorithm.hash, signedPart, signature, "der")) return null;
    return { kind: "signature", subject: below.subject.text, issuer: subject };
  }
}

function commonFault(certificate: Certificate, { nowMs, floorMs }: ChainOptions): ChainFault | null {
  const { subject, notBeforeMs, notAfterMs, unknownCritical, extendedKeyUsage } = certificate;
  if (nowMs !== null && nowMs < notBeforeMs) return { kind: "notYet", subject: subject.text, atMs: notBeforeMs };
  if (Math.max(nowMs ?? -Infinity, floorMs ?? -Infinity) > notAfterMs)
    return { kind: "expired", subject: subject.text, atMs: notAfterMs };
  const [oid] = unknownCritical;
  if (oid !== undefined) return { kind: "critical", subject: subject.text, oid };
  if (extendedKeyUsage?.every((purpose) => purpose !== CODE_SIGNING && purpose !== ANY_PURPOSE)) {
    return { kind: "usage", subject: subject.text, wanted: "codeSigning" };
  }
  return null;
}

function leafFault(leaf: Certificate, time: ChainOptions): ChainFault | null {
  const fault = commonFault(leaf, time);
  if (fault !== null) return fault;
  if (!leaf.key.ok) return { kind: "key", subject: leaf.subject.text, fault: leaf.key.error };
  if (leaf.keyUsage?.digitalSignature === false) {
    return { kind: "usage", subject: leaf.subject.text, wanted: "digitalSignature" };
  }
  return null;
}

function authorityFault(issuer: Certificate, chain: readonly Certificate[]): ChainFault | null {
  const subject = issuer.subject.text;
  const { basicConstraints, keyUsage } = issuer;
  if (basicConstraints?.authority !== true) return { kind: "authority", subject, what: "ca" };
  if (keyUsage?.certificateSign === false) return { kind: "authority", subject, what: "keyCertSign" };
  // Authorities between the issuer and the leaf; those who issue to themselves do not count (RFC 5280 section 4.2.1.9).
  const between = chain.slice(1).filter((one) => !sameBytes(one.subject.der, one.issuer.der)).length;
  const { pathLengthMax } = basicConstraints;
  return pathLengthMax === null || between <= pathLengthMax ? null : { kind: "authority", subject, what: "pathLength" };
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** To be put behind a colon; `name` makes a subject fit to be printed. */
export function explainChain(fault: ChainFault, name: (text: string) => string): string {
  switch (fault.kind) {
    case "notYet":
      return `the certificate of ${name(fault.subject)} is valid from ${dayOf(fault.atMs)} on only; is the clock right?`;
    case "expired":
      return `the certificate of ${name(fault.subject)} is valid until ${dayOf(fault.atMs)} only`;
    case "critical":
      return `the certificate of ${name(fault.subject)} has the critical extension ${fault.oid}, which is not understood here`;
    case "usage":
      return `the certificate of ${name(fault.subject)} is not for ${fault.wanted}`;
    case "key":
      return `the key of ${name(fault.subject)} is ${explainKey(fault.fault)}`;
    case "authority":
      return fault.what === "pathLength"
        ? `${name(fault.subject)} may not issue through so many others (pathlen)`
        : `the certificate of ${name(fault.subject)} may not sign others (${fault.what})`;
    case "algorithm":
      return `the certificate of ${name(fault.subject)} is signed with algorithm ${fault.oid}, which is not accepted or does not fit its issuer's key`;
    case "signature":
      return `the certificate of ${name(fault.subject)} is not signed by ${name(fault.issuer)}`;
    case "noIssuer":
      return `the certificate of ${name(fault.issuer)}, who issued that of ${name(fault.subject)}, is neither in x5c nor trusted`;
    case "tooLong":
      return `no way to a trusted certificate within ${limits.chainMax} certificates`;
  }
}
