import { err, ok, type Result } from "../result.ts";
import { canonical } from "../state/index.ts";
import { encodeBase64, encodeBase64Url } from "./base64.ts";
import { type Algorithm, algorithmFor, algorithms, readGlobs } from "./header.ts";
import { limits } from "./limits.ts";
import { derOfRaw, type EcdsaForm, type Hash, isSignedBy, rawOf } from "./primitive.ts";
import { explainProblem, explainVerify, type SignatureProblem, type VerifyError } from "./problem.ts";
import { encodePublicKey, jwkOf, kindOf, type PublicKey } from "./public-key.ts";
import { readSignedState, select, signingInput } from "./selection.ts";
import type { Certificate } from "./x509/index.ts";

/** What a signature is to say, and by whom. */
export interface SignatureWish {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** The signer's own key; the private half stays with the signer. */
  readonly key: PublicKey;
  /** Certificates for `x5c`, the signer's first; empty: none. */
  readonly x5c: readonly Certificate[];
}

/** A signature that only lacks the signer's answer. */
export interface PreparedSignature {
  readonly algorithm: Algorithm;
  readonly hash: Hash;
  readonly key: PublicKey;
  /** The protected header as it will be transmitted. */
  readonly protected: string;
  /** The keys that it will protect, sorted by code point. */
  readonly covered: readonly string[];
  readonly payload: string;
  /** What has to be signed. */
  readonly signingInput: Uint8Array;
}

export type MakeError =
  | { readonly kind: "verify"; readonly error: VerifyError }
  | { readonly kind: "patterns"; readonly problem: SignatureProblem }
  | { readonly kind: "key"; readonly found: string }
  /** The first certificate of `x5c` is of another key. */
  | { readonly kind: "otherCertificate"; readonly subject: string }
  | { readonly kind: "tooManyCertificates" }
  /** What the signer answered is no signature of this by this key. */
  | { readonly kind: "badAnswer"; readonly bytes: number };

/** The first half of making a signature over a state's text (reference authoring 3.3 and 3.4): what its signer must sign. */
export function prepareSignature(
  source: string | Uint8Array,
  { include, exclude, key, x5c }: SignatureWish,
): Result<PreparedSignature, MakeError> {
  const algorithm = algorithmFor(key);
  if (algorithm === null) return err({ kind: "key", found: kindOf(key) });
  const [leaf] = x5c;
  if (leaf !== undefined && !(leaf.key.ok && sameKey(leaf.key.value, key))) {
    return err({ kind: "otherCertificate", subject: leaf.subject.text });
  }
  if (x5c.length > limits.certificatesMax) return err({ kind: "tooManyCertificates" });
  const state = readSignedState(source);
  if (!state.ok) return err({ kind: "verify", error: state.error });
  const [included, excluded] = [readGlobs(include), readGlobs(exclude)];
  if (!included.ok) return err({ kind: "patterns", problem: included.error });
  if (!excluded.ok) return err({ kind: "patterns", problem: excluded.error });
  const selection = select(state.value, included.value, excluded.value);
  if (selection === null) return err({ kind: "patterns", problem: { kind: "globCost" } });
  if (selection.protected.length === 0) return err({ kind: "patterns", problem: { kind: "emptySelection" } });
  const header = encodeBase64Url(
    headerJson({
      alg: algorithm,
      jwk: jwkOf(key),
      pvs: { include, exclude },
      typ: "PVS",
      ...(leaf === undefined ? {} : { x5c: x5c.map(({ der }) => encodeBase64(der)) }),
    }),
  );
  const { payload } = selection;
  return ok({
    algorithm,
    hash: algorithms[algorithm].hash,
    key,
    protected: header,
    covered: selection.protected,
    payload,
    signingInput: signingInput(header, payload),
  });
}

/**
 * The second half: the text of the signature element, canonical JSON, from what the signer answered. ECDSA may come as r‖s or as DER;
 * it is written as `form` says, `raw` unless a verifier wants `der`. An answer that does not verify is refused, so a wrong key at the
 * signer's end is found here and not on a device.
 */
export function finishSignature(
  prepared: PreparedSignature,
  answer: Uint8Array,
  { form = "raw", withPayload = false }: { readonly form?: EcdsaForm; readonly withPayload?: boolean } = {},
): Result<string, MakeError> {
  const { key, hash, payload } = prepared;
  const forms = key.kind === "rsa" ? [answer] : [answer, rawOf(answer, key.curve)];
  const raw = forms.find((one) => one !== null && isSignedBy(key, hash, prepared.signingInput, one, "raw"));
  if (!raw) return err({ kind: "badAnswer", bytes: answer.length });
  const written = key.kind === "ec" && form === "der" ? derOfRaw(raw) : raw;
  return ok(
    canonical({
      "#spec": "pvs@2",
      ...(withPayload ? { payload: encodeBase64Url(payload) } : {}),
      protected: prepared.protected,
      signature: encodeBase64Url(written),
    }),
  );
}

const sameKey = (a: PublicKey, b: PublicKey): boolean => Buffer.compare(encodePublicKey(a), encodePublicKey(b)) === 0;

/** Compact JSON with the escapes of the original's encoder, which takes care that the text could stand in HTML. */
const headerJson = (header: object): string =>
  JSON.stringify(header).replace(
    /[<>&\u2028\u2029]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** The sentence for people, and what they can do. */
export function explainMake(error: MakeError): string {
  switch (error.kind) {
    case "verify":
      return explainVerify(error.error);
    case "patterns":
      return error.problem.kind === "emptySelection"
        ? "the patterns match nothing of the committed state: commit what is to be signed first, or correct them"
        : explainProblem(error.problem);
    case "key":
      return `the key is ${error.found}, and no verifier takes signatures of it: use RSA, EC P-256 or EC P-384`;
    case "otherCertificate":
      return `the first certificate (${error.subject}) is of another key: give the signer's own first, then those above it`;
    case "tooManyCertificates":
      return `a signature carries at most ${limits.certificatesMax} certificates: leave out what the verifier has anyway`;
    case "badAnswer":
      return `the signer answered ${error.bytes} bytes, which are no signature of this content by the given key: does the key belong to the signer?`;
  }
}
