import { byCodePoint } from "../state/index.ts";
import type { Report } from "./report.ts";

/** What a device insists on (reference 12.2). `disabled`: signatures are not even verified. */
export type SecureBootMode = "disabled" | "lenient" | "audit" | "strict";

/**
 * What a mode says of a state whose signatures are all good: `lenient` wants no more than that, `strict` refuses keys that nobody
 * vouches for, `audit` only names them. `uncovered` is sorted by code point.
 */
export interface Coverage {
  readonly accepted: boolean;
  readonly uncovered: readonly string[];
}

/**
 * Is every key of the state protected by a signature? Two kinds need not be: the signatures themselves (`_sigs/<name>.json`, verified),
 * and the authoring tools' notes `<part>/src.json`, when a signature excludes them: no device reads those. An excluded key of any other
 * name is uncovered, for a signature would else let pass what it says nothing about. The report must be of all signatures.
 */
export function coverage(report: Report, mode: SecureBootMode): Coverage {
  if (mode === "disabled" || mode === "lenient") return { accepted: true, uncovered: [] };
  const own = new Set(report.signatures.map(({ key }) => key).filter((key) => SIGNATURE.test(key)));
  const excused = new Set(report.excluded.filter((key) => NOTES.test(key)));
  const uncovered = [...report.excluded, ...report.notseen].filter((key) => !own.has(key) && !excused.has(key));
  return { accepted: mode === "audit" || uncovered.length === 0, uncovered: uncovered.toSorted(byCodePoint) };
}

const SIGNATURE = /^_sigs\/[^/]+\.json$/;
const NOTES = /^[^/]+\/src\.json$/;
