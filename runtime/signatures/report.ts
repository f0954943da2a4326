import type { Algorithm } from "./header.ts";
import type { Selection, SignedState } from "./selection.ts";

/** Who made a signature. `fingerprint` is SHA-256 of the key's SubjectPublicKeyInfo, in hexadecimal digits. */
export type Signer =
  | { readonly kind: "key"; readonly fingerprint: string }
  | {
      readonly kind: "certificate";
      readonly fingerprint: string;
      /** For people: `O=Vector Lab, CN=dev`. Chosen by whoever got the certificate. */
      readonly subject: string;
      readonly commonName: string | null;
      /** Subject of the trusted certificate that it led to. */
      readonly anchor: string;
    };

/** One good signature. Lists of keys are sorted by code point. */
export interface SignatureReport {
  readonly key: string;
  readonly algorithm: Algorithm;
  readonly signer: Signer;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly protected: readonly string[];
  readonly excluded: readonly string[];
  readonly notseen: readonly string[];
  /** The signed content: canonical JSON. */
  readonly payload: string;
}

/**
 * What the signatures of a state prove. Each key of the state is in one list, sorted by code point: protected by at least one
 * signature, else excluded by one, else not seen by any (reference authoring 3.6).
 */
export interface Report {
  readonly signatures: readonly SignatureReport[];
  readonly protected: readonly string[];
  readonly excluded: readonly string[];
  readonly notseen: readonly string[];
}

interface Verified extends Omit<SignatureReport, "protected" | "excluded" | "notseen" | "payload"> {
  readonly selection: Selection;
}

export function reportOf({ members }: SignedState, verified: readonly Verified[]): Report {
  const signatures = verified.map(({ selection, ...rest }) => ({ ...rest, ...selection }));
  const covered = new Set(signatures.flatMap((one) => one.protected));
  const left = new Set(signatures.flatMap((one) => one.excluded));
  const keys = members.map(({ key }) => key);
  return {
    signatures,
    protected: keys.filter((key) => covered.has(key)),
    excluded: keys.filter((key) => !covered.has(key) && left.has(key)),
    notseen: keys.filter((key) => !covered.has(key) && !left.has(key)),
  };
}
