import * as v from "valibot";
import { err, ok, type Result } from "../result.ts";
import { decodeBase64Url } from "./base64.ts";
import { type Element, isSignature, Protected } from "./element.ts";
import { type ProtectedHeader, readHeader } from "./header.ts";
import { limits } from "./limits.ts";
import type { SignatureProblem, VerifyError } from "./problem.ts";
import { readSignedState, type SignedState, select } from "./selection.ts";
import type { Certificate } from "./x509/index.ts";

/** What a signature element says that it is about, and by whom. Nothing of it is verified: anybody can have written it. */
export interface Claim {
  /** The element's in the state. */
  readonly key: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** The keys that these mean in this state, sorted by code point. */
  readonly protected: readonly string[];
  readonly excluded: readonly string[];
  readonly x5c: readonly Certificate[];
  readonly withPayload: boolean;
}

/** By the key of each signature element, in the order of keys; an error is why that one can never verify. */
export function readClaims(
  source: string | Uint8Array,
): Result<ReadonlyMap<string, Result<Claim, SignatureProblem>>, VerifyError> {
  const state = readSignedState(source);
  if (!state.ok) return state;
  const elements = state.value.members.flatMap(({ key, value }) => (isSignature(value) ? [{ key, value }] : []));
  if (elements.length > limits.signaturesMax) return err({ kind: "tooManySignatures", max: limits.signaturesMax });
  return ok(new Map(elements.map(({ key, value }) => [key, claimOf(key, value, state.value)])));
}

function claimOf(
  key: string,
  element: v.InferOutput<typeof Element>,
  state: SignedState,
): Result<Claim, SignatureProblem> {
  const header = headerOf(element);
  if (!header.ok) return header;
  const { include, exclude, certificates } = header.value;
  const selection = select(state, include, exclude);
  if (selection === null) return err({ kind: "globCost" });
  const sources = (globs: typeof include) => globs.map(({ source }) => source);
  return ok({
    key,
    include: sources(include),
    exclude: sources(exclude),
    protected: selection.protected,
    excluded: selection.excluded,
    x5c: certificates ?? [],
    withPayload: Object.hasOwn(element, "payload"),
  });
}

/** The protected header of an element, decoded and read. */
export function headerOf(element: v.InferOutput<typeof Element>): Result<ProtectedHeader, SignatureProblem> {
  const written = element["protected"];
  if (!v.is(Protected, written)) return err({ kind: "shape", member: "protected" });
  const bytes = decodeBase64Url(written);
  return bytes === null ? err({ kind: "encoding", member: "protected" }) : readHeader(bytes);
}
