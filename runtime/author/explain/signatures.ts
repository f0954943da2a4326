import {
  coverage,
  explainProblem,
  explainVerify,
  readClaims,
  type Signer,
  type Trust,
  verifyState,
} from "../../signatures/index.ts";
import type { State } from "../../state/index.ts";
import type { SignaturesView, SignatureView, Verdict } from "./model.ts";

/** Whom to believe; null: nobody is asked, and signatures only say what they claim. */
export interface Judge {
  readonly trust: Trust;
  /** Milliseconds since 1970 at which certificates must be valid; null: not checked. */
  readonly nowMs: number | null;
}

/**
 * Every signature of a state by itself: a bad one does not hide the others. What counts as covered without a judge is what the
 * signatures claim; with one, what the good ones protect.
 */
export function judgeSignatures({ text, entries }: State, judge: Judge | null): SignaturesView {
  const keys = entries.map(({ key }) => key);
  const claimed = readClaims(text);
  if (!claimed.ok) {
    // A parsed state is JSON with members, so this is too many signatures.
    const verdict: Verdict = { kind: "bad", why: explainVerify(claimed.error) };
    return { each: [{ key: "_sigs", ...NOTHING, verdict }], uncovered: keys };
  }
  const each = [...claimed.value].map(([key, claim]): SignatureView => {
    if (!claim.ok) return { key, ...NOTHING, verdict: { kind: "bad", why: explainProblem(claim.error) } };
    const { include, exclude, protected: covered, excluded } = claim.value;
    return { key, include, exclude, protected: covered, excluded, verdict: verdictOf(text, key, judge) };
  });
  const counted = each.filter(({ verdict }) => verdict.kind !== "bad");
  const covered = new Set(counted.flatMap((one) => one.protected));
  const left = new Set(counted.flatMap((one) => one.excluded));
  const open = keys.filter((key) => !covered.has(key));
  const report = {
    signatures: each,
    excluded: open.filter((key) => left.has(key)),
    notseen: open.filter((key) => !left.has(key)),
  };
  return { each, uncovered: coverage(report, "audit").uncovered };
}

const NOTHING = { include: [], exclude: [], protected: [], excluded: [] } as const;

function verdictOf(text: string, key: string, judge: Judge | null): Verdict {
  if (judge === null) return { kind: "unverified" };
  const verified = verifyState(text, judge.trust, { nowMs: judge.nowMs, only: [key] });
  if (!verified.ok) {
    const { error } = verified;
    return { kind: "bad", why: error.kind === "signature" ? explainProblem(error.problem) : explainVerify(error) };
  }
  const [signature] = verified.value.signatures;
  return { kind: "good", signer: signature === undefined ? "" : signerText(signature.signer) };
}

const signerText = (signer: Signer): string =>
  signer.kind === "key" ? `key ${signer.fingerprint}` : `${signer.subject}, vouched for by ${signer.anchor}`;
