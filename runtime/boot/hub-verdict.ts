import { isDeepStrictEqual } from "node:util";
import * as v from "valibot";
import { parsedBy } from "../fleet/parsed-by.ts";
import { reasons } from "../fleet/terms/index.ts";
import { ok, type Result } from "../result.ts";
import { type Digest, parseDigest, parseRevisionName, type RevisionName } from "../state/index.ts";
import {
  type DiskResult,
  listRevisions,
  readFile,
  readProgress,
  readState,
  type Store,
  saveFile,
} from "../store/index.ts";
import { type How, verdictOf } from "./hub-progress.ts";
import { newestOfHub } from "./interrupted-revisions.ts";
import { stateDigest } from "./state-digest.ts";

/**
 * What became of the last revision of the hub's that came to an end. It outlives the revision: what has failed may be removed before the
 * hub has heard of it, and must not be tried again.
 */
export interface HubVerdict {
  readonly rev: RevisionName;
  readonly state: Digest;
  readonly how: How;
}

const WHY = "hub/verdict";
const BYTES_MAX = 16 * 1024;
const pathOf = ({ root }: Store): string => `${root}/config/cairn/verdict.json`;
const orNull = <T>(result: Result<T, unknown>): T | null => (result.ok ? result.value : null);

const Stored = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    rev: parsedBy((text) => orNull(parseRevisionName(text)), "name of a revision"),
    state: parsedBy(parseDigest, "digest"),
    how: v.object({
      phase: v.picklist(["done", "error", "wontgo"]),
      reason: v.nullable(v.picklist(reasons)),
      message: v.string(),
      evidence: v.optional(v.nullable(v.string()), null),
    }),
  }),
);

/** Null: none was kept, or what is there is damaged. */
async function keptVerdict(store: Store): DiskResult<HubVerdict | null> {
  const bytes = await readFile(store.disk, WHY, pathOf(store), BYTES_MAX);
  if (!bytes.ok) return bytes.error.kind === "missing" || bytes.error.kind === "tooLarge" ? ok(null) : bytes;
  const stored = v.safeParse(Stored, Buffer.from(bytes.value).toString("utf8"));
  return ok(stored.success ? stored.output : null);
}

export const saveVerdict = (store: Store, verdict: HubVerdict): DiskResult<void> =>
  saveFile(store.disk, WHY, pathOf(store), Buffer.from(`${JSON.stringify(verdict)}\n`));

/** The last one, from where it was kept or from the records of the revisions, which may know of one that was not kept yet. */
export async function lastVerdict(store: Store): DiskResult<HubVerdict | null> {
  const kept = await keptVerdict(store);
  if (!kept.ok) return kept;
  const revisions = await listRevisions(store);
  if (!revisions.ok) return revisions;
  const newest = newestOfHub(revisions.value);
  if (newest === null || Number(newest) < Number(kept.value?.rev ?? 0)) return kept;
  const [record, text] = [await readProgress(store, newest), await readState(store, newest)];
  const how = record.ok ? verdictOf(record.value) : null;
  if (how === null || !text.ok) return kept;
  const verdict = { rev: newest, state: stateDigest(text.value), how };
  if (isDeepStrictEqual(verdict, kept.value)) return kept;
  const saved = await saveVerdict(store, verdict);
  return saved.ok ? ok(verdict) : saved;
}
