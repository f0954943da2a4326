import { factory, type RevisionName } from "../state/index.ts";

/** Which revisions something depends on. Null: none. */
export interface RevisionsInUse {
  readonly running: RevisionName | null;
  /** The boot loader's `pv_rev`; null: nothing was ever committed, and the factory revision boots. */
  readonly committed: RevisionName | null;
  /** The boot loader's `pv_try`. */
  readonly trial: RevisionName | null;
  /** The revision that is being fetched or installed. */
  readonly active: RevisionName | null;
  /** What was committed before `committed`: a device can still be sent back to it. */
  readonly previous: RevisionName | null;
  /** `PV_STORAGE_GC_KEEP_FACTORY`. */
  readonly keepFactory: boolean;
}

export type KeepReason = "running" | "committed" | "trial" | "active" | "previous" | "factory";

/** The revisions that must not be removed (reference 5.7), each with every reason for it. Every other one may go. */
export function protectedRevisions(use: RevisionsInUse): ReadonlyMap<RevisionName, readonly KeepReason[]> {
  const claims: readonly (readonly [KeepReason, RevisionName | null])[] = [
    ["running", use.running],
    ["committed", use.committed ?? factory],
    ["trial", use.trial],
    ["active", use.active],
    ["previous", use.previous],
    ["factory", use.keepFactory ? factory : null],
  ];
  const reasons = new Map<RevisionName, readonly KeepReason[]>();
  for (const [reason, rev] of claims) {
    if (rev !== null) reasons.set(rev, [...(reasons.get(rev) ?? []), reason]);
  }
  return reasons;
}
