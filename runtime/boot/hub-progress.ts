import type { Progress } from "../fleet/pipe/index.ts";
import type { RevisionName } from "../state/index.ts";
import { boundEvidence, type Progress as Record } from "../store/index.ts";
import { candidateOf, type Phase, type Update } from "../update/index.ts";

/** How it stands with a revision of the hub. */
export type How = Pick<Progress, "phase" | "reason" | "message" | "evidence">;

/** Null: nothing is known of it that could be said. */
const words: { readonly [At in Phase["at"]]: How["phase"] | null } = {
  idle: null,
  checking: "queued",
  fetching: "downloading",
  installing: "installing",
  arming: "installing",
  leaving: null,
  swapping: "trying",
  trying: "trying",
  testing: "testing",
  stabilizing: "testing",
  committing: "testing",
  failing: null,
  returning: null,
};

/**
 * How far a revision of the hub has come, as the hub is told. A verdict counts once it is on the disk; null: there is nothing new to say.
 * `record`: what the disk has of it; null: nothing.
 */
export function progressOf(rev: RevisionName, update: Update, record: Record | null): How | null {
  const verdict = verdictOf(record);
  if (verdict !== null) return verdict;
  if (candidateOf(update)?.rev === rev) {
    const phase = words[update.phase.at];
    return phase === null ? null : { ...nothingMore, phase };
  }
  return update.phase.at === "leaving" ? null : { ...nothingMore, phase: "queued" };
}

const nothingMore = { reason: null, message: "", evidence: null } as const;

/** What became of a revision in the end; null: that is open. */
export function verdictOf(record: Record | null): How | null {
  const said = (phase: How["phase"], reason: How["reason"]): How => ({
    phase,
    reason,
    message: (record?.evidence?.message ?? record?.message ?? "").slice(0, MESSAGE_CHARS_MAX),
    evidence: phase === "done" || record?.evidence == null ? null : JSON.stringify(boundEvidence(record.evidence)),
  });
  switch (record?.status) {
    case "DONE":
    case "UPDATED":
      return said("done", null);
    case "ERROR":
      return said("error", record.evidence?.reason ?? null);
    case "WONTGO":
      return said("wontgo", record.evidence?.reason ?? null);
    default:
      return null;
  }
}

const MESSAGE_CHARS_MAX = 1024;
