import * as v from "valibot";
import { err, ok, type Result } from "../result.ts";
import type { Json } from "../state/index.ts";
import { decodeBase64Url } from "./base64.ts";
import { readHeader } from "./header.ts";
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
  const signatures = state.value.members.filter(({ value }) => v.is(Signature, value));
  if (signatures.length > limits.signaturesMax) return err({ kind: "tooManySignatures", max: limits.signaturesMax });
  return ok(new Map(signatures.map(({ key, value }) => [key, claimOf(value, state.value)])));
}

const Signature = v.looseObject({ "#spec": v.literal("pvs@2") });
const Written = v.looseObject({ protected: v.pipe(v.string(), v.maxLength(limits.protectedCharsMax)) });

function claimOf(value: Json, state: SignedState): Result<Claimed, SignatureProblem> {
  if (!v.is(Written, value)) return err({ kind: "shape", member: "protected" });
  const bytes = decodeBase64Url(value.protected);
  if (bytes === null) return err({ kind: "encoding", member: "protected" });
  const header = readHeader(bytes);
  if (!header.ok) return header;
  const { include, exclude } = header.value;
  const selection = select(state, include, exclude);
  if (selection === null) return err({ kind: "globCost" });
  const sources = (globs: typeof include) => globs.map(({ source }) => source);
  return ok({
    include: sources(include),
    exclude: sources(exclude),
    protected: selection.protected,
    excluded: selection.excluded,
  });
}
