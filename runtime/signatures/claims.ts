import * as v from "valibot";
import { err, ok, type Result } from "../result.ts";
import { decodeBase64Url } from "./base64.ts";
import { type Element, isSignature, Protected } from "./element.ts";
import { type ProtectedHeader, readHeader } from "./header.ts";
import type { SignatureProblem, VerifyError } from "./problem.ts";
import { readSignedState } from "./selection.ts";
import type { Certificate } from "./x509/index.ts";

/** What a signature element says of itself. Nothing of it is verified. */
export interface Claim {
  readonly key: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly x5c: readonly Certificate[];
  readonly withPayload: boolean;
}

/** What the signature elements of a state claim, by key: to sign again what was signed before, or to show it. */
export function readClaims(source: string | Uint8Array): Result<readonly Claim[], VerifyError> {
  const state = readSignedState(source);
  if (!state.ok) return state;
  const claims: Claim[] = [];
  for (const { key, value } of state.value.members) {
    if (!isSignature(value)) continue;
    const header = headerOf(value);
    if (!header.ok) return err({ kind: "signature", key, problem: header.error });
    const { include, exclude, certificates } = header.value;
    claims.push({
      key,
      include: include.map(({ source: glob }) => glob),
      exclude: exclude.map(({ source: glob }) => glob),
      x5c: certificates ?? [],
      withPayload: Object.hasOwn(value, "payload"),
    });
  }
  return ok(claims);
}

function headerOf(element: v.InferOutput<typeof Element>): Result<ProtectedHeader, SignatureProblem> {
  const written = element["protected"];
  if (!v.is(Protected, written)) return err({ kind: "shape", member: "protected" });
  const bytes = decodeBase64Url(written);
  return bytes === null ? err({ kind: "encoding", member: "protected" }) : readHeader(bytes);
}
