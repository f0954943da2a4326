import { factory, isLocal, type RevisionName } from "../state/index.ts";
import { listRevisions, readProgress, type Store } from "../store/index.ts";
import type { Candidate } from "../update/index.ts";

const underWay: ReadonlySet<string> = new Set(["QUEUED", "DOWNLOADING", "INPROGRESS", "TESTING"]);

export const isOfHub = (rev: RevisionName): boolean => !isLocal(rev) && rev !== factory;

/** The one of the hub's with the highest number, which the hub asks for again as long as nothing came of it; null: there is none. */
export const newestOfHub = (revisions: readonly RevisionName[]): RevisionName | null =>
  revisions.filter(isOfHub).toSorted((a, b) => Number(b) - Number(a))[0] ?? null;

/** Revisions whose records say that they are being brought in or tried, beside those that somebody knows of. */
export async function interruptedRevisions(
  store: Store,
  known: ReadonlySet<RevisionName | null>,
): Promise<readonly Pick<Candidate, "rev" | "retries">[]> {
  const revisions = await listRevisions(store);
  const found: Pick<Candidate, "rev" | "retries">[] = [];
  for (const rev of revisions.ok ? revisions.value : []) {
    const record = known.has(rev) ? null : await readProgress(store, rev);
    if (record?.ok && record.value !== null && underWay.has(record.value.status)) {
      found.push({ rev, retries: record.value.retries });
    }
  }
  return found;
}
