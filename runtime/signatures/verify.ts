import * as v from "valibot";
import { err, ok, type Result } from "../result.ts";
import type { CanonicalMember } from "../state/index.ts";
import { decodeBase64Url } from "./base64.ts";
import { isSignature, Protected, Signature } from "./element.ts";
import { type Algorithm, algorithms, type ProtectedHeader, readHeader } from "./header.ts";
import { limits } from "./limits.ts";
import { type EcdsaForm, isSignedBy, mayBeOf } from "./primitive.ts";
import type { SignatureProblem, VerifyError } from "./problem.ts";
import { fingerprint, kindOf, type PublicKey } from "./public-key.ts";
import { type Report, reportOf, type Signer } from "./report.ts";
import { readSignedState, type Selection, type SignedState, select, signingInput } from "./selection.ts";
import type { OemTrust, Trust } from "./trust.ts";
import { type Certificate, type ChainOptions, findChain } from "./x509/index.ts";

export interface VerifyOptions extends ChainOptions {
  /** Keys of the signature elements to verify; each must be one. Default: all of the state. */
  readonly only?: readonly string[];
  readonly oem?: OemTrust | null;
  /** Default `raw`, as JOSE has it. */
  readonly ecdsa?: EcdsaForm;
}

/**
 * Verifies the signatures of a state's text (reference authoring chapter 3, runtime section 12). All of them must be good; the error
 * is of the first, by key, that is not. A state without signatures is fine here, and its report says so: see {@link coverage} for what
 * a device must insist on. Never throws on any input.
 */
export function verifyState(
  source: string | Uint8Array,
  trust: Trust,
  options: VerifyOptions,
): Result<Report, VerifyError> {
  const state = readSignedState(source);
  if (!state.ok) return state;
  const keys = options.only?.toSorted() ?? signatureKeys(state.value);
  if (keys.length > limits.signaturesMax) return err({ kind: "tooManySignatures", max: limits.signaturesMax });
  const members = new Map(state.value.members.map((member) => [member.key, member]));
  const verified = [];
  for (const key of new Set(keys)) {
    const one = verifyOne(members.get(key), state.value, trust, options);
    if (!one.ok) return err({ kind: "signature", key, problem: one.error });
    verified.push({ key, ...one.value });
  }
  return ok(reportOf(state.value, verified));
}

const signatureKeys = ({ members }: SignedState): readonly string[] =>
  members.filter(({ value }) => isSignature(value)).map(({ key }) => key);

interface Verified {
  readonly algorithm: Algorithm;
  readonly signer: Signer;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly selection: Selection;
}

function verifyOne(
  member: CanonicalMember | undefined,
  state: SignedState,
  trust: Trust,
  options: VerifyOptions,
): Result<Verified, SignatureProblem> {
  if (member === undefined) return err({ kind: "notThere" });
  if (!isSignature(member.value)) return err({ kind: "spec" });
  const { protected: written, signature: given } = member.value;
  if (!v.is(Protected, written)) return err({ kind: "shape", member: "protected" });
  if (!v.is(Signature, given)) return err({ kind: "shape", member: "signature" });
  const [headerBytes, signature] = [decodeBase64Url(written), decodeBase64Url(given)];
  if (headerBytes === null) return err({ kind: "encoding", member: "protected" });
  if (signature === null) return err({ kind: "encoding", member: "signature" });
  const read = readHeader(headerBytes);
  if (!read.ok) return read;
  const header = read.value;
  const selection = select(state, header.include, header.exclude);
  if (selection === null) return err({ kind: "globCost" });
  if (selection.protected.length === 0) return err({ kind: "emptySelection" });
  const candidates = candidatesFor(header, selection, trust, options);
  if (!candidates.ok) return candidates;

  const { hash, fits } = algorithms[header.algorithm];
  const fitting = candidates.value.filter(({ key }) => fits(key));
  if (fitting.length === 0) {
    const found = [...new Set(candidates.value.map(({ key }) => kindOf(key)))].join(", ") || "none at all";
    return err({ kind: "noKey", algorithm: header.algorithm, found });
  }
  // The header goes in as it came: written again, it might be another text.
  const input = signingInput(written, selection.payload);
  const form = options.ecdsa ?? "raw";
  if (!fitting.some(({ key }) => mayBeOf(key, signature, form)))
    return err({ kind: "length", bytes: signature.length });
  const by = fitting.find(({ key }) => isSignedBy(key, hash, input, signature, form));
  if (by === undefined) return err({ kind: "mismatch", tried: fitting.length });
  const { algorithm } = header;
  const [include, exclude] = [header.include, header.exclude].map((globs) => globs.map(({ source }) => source));
  return ok({ algorithm, signer: signerOf(by), include: include ?? [], exclude: exclude ?? [], selection });
}

/** A key that may have made the signature, and by what right. */
interface Candidate {
  readonly key: PublicKey;
  /** From the signer's to the trusted one; null: the key itself is trusted. */
  readonly chain: readonly Certificate[] | null;
}

function candidatesFor(
  { certificates }: ProtectedHeader,
  selection: Selection,
  trust: Trust,
  options: VerifyOptions,
): Result<readonly Candidate[], SignatureProblem> {
  const { oem } = options;
  if (certificates !== null && (trust.certificates.length > 0 || oem)) {
    const [leaf, ...others] = certificates;
    const store = oem && isOem(leaf, oem, selection) ? oem.certificates : trust.certificates;
    const chain = findChain(leaf, others, store, options);
    if (!chain.ok) return err({ kind: "chain", fault: chain.error });
    return ok(candidate(leaf, chain.value));
  }
  const keys = trust.keys.map((key) => ({ key, chain: null }));
  const fromStore = trust.certificates.flatMap((one) => {
    const chain = findChain(one, trust.certificates, trust.certificates, options);
    return chain.ok ? candidate(one, chain.value) : [];
  });
  return ok([...keys, ...fromStore]);
}

const candidate = ({ key }: Certificate, chain: readonly Certificate[]): readonly Candidate[] =>
  key.ok ? [{ key: key.value, chain }] : [];

/** An OEM signs containers, never the base system and never its own folder of configuration. */
function isOem(leaf: Certificate, { name }: OemTrust, selection: Selection): boolean {
  const reserved = selection.protected.some((key) => ["bsp", name].some((part) => key.startsWith(`${part}/`)));
  return name !== "" && leaf.subject.commonName === name && !reserved;
}

function signerOf({ key, chain }: Candidate): Signer {
  const [leaf] = chain ?? [];
  if (leaf === undefined) return { kind: "key", fingerprint: fingerprint(key) };
  const anchor = chain?.at(-1) ?? leaf;
  const { text: subject, commonName } = leaf.subject;
  return { kind: "certificate", fingerprint: fingerprint(key), subject, commonName, anchor: anchor.subject.text };
}
