import { err, ok, type Result } from "../../result.ts";
import {
  type Algorithm,
  type Certificate,
  type EcdsaForm,
  explainMake,
  fingerprint,
  finishSignature,
  type MakeError,
  prepareSignature,
} from "../../signatures/index.ts";
import { shown } from "../../state/index.ts";
import { type Disk, type DiskError, saveFile } from "../../store/index.ts";
import type { SignatureTarget } from "./patterns.ts";
import { explainSigner, type Signer, type SignerError } from "./signer.ts";

export interface SignOptions {
  readonly x5c: readonly Certificate[];
  /** How ECDSA is written: `raw`, or `der` for the original's device. */
  readonly form: EcdsaForm;
  /** The signed content goes into the file too, for people; nobody verifies it. */
  readonly withPayload: boolean;
}

/** A signature that was made. */
export interface Signed {
  readonly key: string;
  readonly algorithm: Algorithm;
  /** SHA-256 of the signer's public key. */
  readonly fingerprint: string;
  readonly protected: readonly string[];
  /** Keys of bare numbers, booleans and null, which the original's device cannot verify. */
  readonly bareScalars: readonly string[];
  /** The file: canonical JSON without a final newline. */
  readonly text: string;
}

export type SignError =
  | { readonly kind: "make"; readonly key: string; readonly error: MakeError }
  | { readonly kind: "signer"; readonly key: string; readonly error: SignerError };

/** Signs a state's text: the committed one, as the original does. */
export async function signState(
  state: string,
  { key, include, exclude }: SignatureTarget,
  signer: Signer,
  { x5c, form, withPayload }: SignOptions,
): Promise<Result<Signed, SignError>> {
  const prepared = prepareSignature(state, { include, exclude, key: signer.publicKey, x5c });
  if (!prepared.ok) return err({ kind: "make", key, error: prepared.error });
  const answer = await signer.sign(prepared.value);
  if (!answer.ok) return err({ kind: "signer", key, error: answer.error });
  const text = finishSignature(prepared.value, answer.value, { form, withPayload });
  if (!text.ok) return err({ kind: "make", key, error: text.error });
  const { algorithm, covered, bareScalars } = prepared.value;
  const by = fingerprint(signer.publicKey);
  return ok({ key, algorithm, fingerprint: by, protected: covered, bareScalars, text: text.value });
}

/** Writes signatures into a working copy, where the next commit takes them up. The error is of the first that could not be written. */
export async function writeSignatures(
  disk: Disk,
  workingCopy: string,
  signed: readonly Signed[],
): Promise<Result<void, DiskError>> {
  for (const { key, text } of signed) {
    const saved = await saveFile(disk, "write a signature", `${workingCopy}/${key}`, Buffer.from(text));
    if (!saved.ok) return saved;
  }
  return ok(undefined);
}

export const explainSign = (error: SignError): string =>
  error.kind === "make"
    ? `signature ${shown(error.key)}: ${explainMake(error.error)}`
    : `signature ${shown(error.key)}: ${explainSigner(error.error)}`;
