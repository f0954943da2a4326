import { err, ok, type Result } from "../result.ts";
import {
  type CanonicalMember,
  canonicalMembers,
  canonicalObject,
  decodeUtf8,
  limits as stateLimits,
} from "../state/index.ts";
import { encodeBase64Url } from "./base64.ts";
import { type Glob, type GlobBudget, globMatches, type SplitKey, splitKey } from "./glob.ts";
import { limits } from "./limits.ts";
import type { VerifyError } from "./problem.ts";

/** A state as signatures see it: its members sorted by code point, each with its canonical text. */
export interface SignedState {
  readonly members: readonly (CanonicalMember & { readonly split: SplitKey })[];
  /** What matching globs may still cost, for all signatures together. */
  readonly budget: GlobBudget;
}

/** Reads a state for signing or verifying. Needs no more than JSON without repeated names: what is in it is not judged here. */
export function readSignedState(source: string | Uint8Array): Result<SignedState, VerifyError> {
  const bytes = typeof source === "string" ? Buffer.byteLength(source) : source.length;
  const bytesMax = stateLimits.stateBytesMax;
  if (bytes > bytesMax) return err({ kind: "state", error: { kind: "tooLarge", bytes, bytesMax } });
  const text = typeof source === "string" ? ok(source) : decodeUtf8(source);
  const members = text.ok ? canonicalMembers(text.value) : text;
  if (!members.ok) return err({ kind: "state", error: { kind: "syntax", fault: members.error } });
  if (members.value === null) return err({ kind: "noObject" });
  const split = members.value.map((member) => ({ ...member, split: splitKey(member.key) }));
  return ok({ members: split, budget: { left: limits.globStepsMax } });
}

/** What one signature is about (reference authoring 3.4). The lists are keys sorted by code point, each key in one of them. */
export interface Selection {
  readonly protected: readonly string[];
  readonly excluded: readonly string[];
  readonly notseen: readonly string[];
  /** Canonical JSON of the protected members: the payload of the signature. */
  readonly payload: string;
}

/** Sorts the members of a state by what the patterns say: exclude comes first. Null: it would take too long. */
export function select(
  { members, budget }: SignedState,
  include: readonly Glob[],
  exclude: readonly Glob[],
): Selection | null {
  const some = (globs: readonly Glob[], split: SplitKey): boolean =>
    globs.some((one) => globMatches(one, split, budget));
  const {
    excluded = [],
    covered = [],
    notseen = [],
  } = Object.groupBy(members, ({ split }) =>
    some(exclude, split) ? "excluded" : some(include, split) ? "covered" : "notseen",
  );
  if (budget.left < 0) return null;
  const keys = (list: readonly { readonly key: string }[]): readonly string[] => list.map(({ key }) => key);
  return {
    protected: keys(covered),
    excluded: keys(excluded),
    notseen: keys(notseen),
    payload: canonicalObject(covered),
  };
}

/** What is signed: the header as transmitted and the payload (RFC 7515 section 5.1). */
export const signingInput = (header: string, payload: string): Uint8Array =>
  Buffer.from(`${header}.${encodeBase64Url(payload)}`);
