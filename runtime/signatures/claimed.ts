import { err, ok, type Result } from "../result.ts";
import { headerOf } from "./claims.ts";
import { isSignature } from "./element.ts";
import type { ProtectedHeader } from "./header.ts";
import { limits } from "./limits.ts";
import type { SignatureProblem, VerifyError } from "./problem.ts";
import { readSignedState, type SignedState, select } from "./selection.ts";

/** What one signature says that it is about. Nothing of it is verified: anybody can have written it. Lists are sorted by code point. */
export interface Claimed {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly protected: readonly string[];
  readonly excluded: readonly string[];
}

/** By the key of each signature element; an error is why that one can never verify. */
export function claimedBySignatures(
  source: string | Uint8Array,
): Result<ReadonlyMap<string, Result<Claimed, SignatureProblem>>, VerifyError> {
  const state = readSignedState(source);
  if (!state.ok) return state;
  if (state.value.members.filter(({ value }) => isSignature(value)).length > limits.signaturesMax)
    return err({ kind: "tooManySignatures", max: limits.signaturesMax });
  const claims = new Map<string, Result<Claimed, SignatureProblem>>();
  for (const { key, value } of state.value.members) {
    if (!isSignature(value)) continue;
    const header = headerOf(value);
    claims.set(key, header.ok ? claimOf(header.value, state.value) : header);
  }
  return ok(claims);
}

function claimOf({ include, exclude }: ProtectedHeader, state: SignedState): Result<Claimed, SignatureProblem> {
  const selection = select(state, include, exclude);
  if (selection === null) return err({ kind: "globCost" });
  const { protected: covered, excluded } = selection;
  const sources = (globs: typeof include) => globs.map(({ source }) => source);
  return ok({ include: sources(include), exclude: sources(exclude), protected: covered, excluded });
}
