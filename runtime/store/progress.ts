import * as v from "valibot";
import { err, ok, type Result } from "../result.ts";
import type { RevisionName } from "../state/index.ts";
import type { DiskError, DiskResult } from "./disk.ts";
import { boundEvidence, type Evidence, EvidenceMember } from "./evidence.ts";
import { readFile, saveFile } from "./save.ts";
import { pvPath, type Store } from "./store.ts";

const WHY = "update/progress";
/** Far above what is written: 4096 bytes of logs, each of which JSON may escape to six, and the evidence. */
const RECORD_BYTES_MAX = 64 * 1024;
/** Reference 4.7. */
const LOGS_BYTES_MAX = 4096;

/** How far each status is, in percent (reference 4.7). `SYNCING`, `CANCELLED` and `UNKNOWN` are only read, never written by a device. */
const percents = {
  NEW: 0,
  QUEUED: 5,
  DOWNLOADING: 25,
  INPROGRESS: 50,
  TESTING: 75,
  UPDATED: 100,
  DONE: 100,
  WONTGO: 100,
  ERROR: 100,
} as const;

export type ProgressStatus = keyof typeof percents;
const statuses = [...(Object.keys(percents) as ProgressStatus[]), "SYNCING", "CANCELLED", "UNKNOWN"] as const;

export interface Downloads {
  readonly totalBytes: number;
  readonly downloadedBytes: number;
  /** Seconds since 1970, as the wire has them. */
  readonly startTime: number;
  readonly currentTime: number;
}

/** `trails/<rev>/.pv/progress` (reference 4.7): how an update is getting on, or how it ended. */
export interface Progress {
  readonly status: (typeof statuses)[number];
  readonly message: string;
  readonly percent: number;
  readonly retries: number;
  /** Only while `DOWNLOADING`. */
  readonly downloads: Downloads | null;
  /** Error lines of the update, one JSON object a line; what is beyond 4096 bytes is cut off in whole lines. */
  readonly logs: string | null;
  /** Why it failed; what is beyond 2048 bytes of JSON is cut, see {@link boundEvidence}. */
  readonly evidence: Evidence | null;
}

/** The record is there but says nothing: not JSON, no status, too large. `problem` says what. */
export interface BadProgress {
  readonly kind: "badProgress";
  readonly rev: RevisionName;
  readonly problem: string;
}

/** A record as a device writes it; percent follows from the status. */
export const progressRecord = (
  status: ProgressStatus,
  message: string,
  {
    retries = 0,
    downloads = null,
    logs = null,
    evidence = null,
  }: Partial<Pick<Progress, "retries" | "downloads" | "logs" | "evidence">> = {},
): Progress => ({ status, message, percent: percents[status], retries, downloads, logs, evidence });

// Only the status decides anything; the rest is shown to people, so a strange value there must not make a device forget its update.
const digits = v.pipe(v.string(), v.regex(/^[0-9]{1,15}$/), v.transform(Number));
const count = v.fallback(v.union([v.pipe(v.number(), v.minValue(0), v.finite()), digits]), 0);
const line = v.fallback(v.string(), "");
const Totals = v.object({ total_size: count, total_downloaded: count, start_time: count, current_time: count });
const Record = v.object({
  status: v.picklist(statuses),
  "status-msg": line,
  progress: count,
  retries: count,
  downloads: v.fallback(v.nullable(v.object({ total: Totals })), null),
  logs: v.fallback(v.nullable(v.string()), null),
  evidence: v.optional(EvidenceMember, null),
});

/** Reads what the original and other tools write: missing or odd fields other than `status` count as 0 or empty. */
export function decodeProgress(rev: RevisionName, bytes: Uint8Array): Result<Progress, BadProgress> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return err({ kind: "badProgress", rev, problem: "not JSON" });
  }
  const record = v.safeParse(Record, json);
  if (!record.success) return err({ kind: "badProgress", rev, problem: v.summarize(record.issues) });
  const { status, "status-msg": message, progress: percent, retries, downloads, logs, evidence } = record.output;
  const total = downloads?.total;
  return ok({
    status,
    message,
    percent,
    retries,
    downloads:
      total === undefined
        ? null
        : {
            totalBytes: total.total_size,
            downloadedBytes: total.total_downloaded,
            startTime: total.start_time,
            currentTime: total.current_time,
          },
    logs,
    evidence,
  });
}

function cutLogs(logs: string): string {
  const bytes = Buffer.from(logs);
  if (bytes.byteLength <= LOGS_BYTES_MAX) return logs;
  const end = bytes.subarray(0, LOGS_BYTES_MAX).lastIndexOf("\n") + 1;
  return bytes.toString("utf8", 0, end);
}

/**
 * The record as the original writes it: no spaces, its order of keys, no `downloads` or `logs` when there are none. `evidence` is not
 * the original's. It comes last, since the original takes the first member of a name at any depth.
 */
export function encodeProgress({ status, message, percent, retries, downloads, logs, evidence }: Progress): Uint8Array {
  const total = downloads && {
    object_name: "total",
    object_id: "none",
    total_size: downloads.totalBytes,
    total_downloaded: downloads.downloadedBytes,
    start_time: downloads.startTime,
    current_time: downloads.currentTime,
  };
  const cut = logs === null ? "" : cutLogs(logs);
  const record = {
    status,
    "status-msg": message,
    progress: percent,
    retries,
    ...(total === null ? {} : { downloads: { total } }),
    ...(cut === "" ? {} : { logs: cut }),
    ...(evidence === null ? {} : { evidence: boundEvidence(evidence) }),
  };
  return new TextEncoder().encode(JSON.stringify(record));
}

/** Null: none was written yet. */
export async function readProgress(
  store: Store,
  rev: RevisionName,
): Promise<Result<Progress | null, DiskError | BadProgress>> {
  const bytes = await readFile(store.disk, WHY, pvPath(store, rev, "progress"), RECORD_BYTES_MAX);
  if (bytes.ok) return decodeProgress(rev, bytes.value);
  if (bytes.error.kind === "tooLarge") return err({ kind: "badProgress", rev, problem: bytes.error.code });
  return bytes.error.kind === "missing" ? ok(null) : bytes;
}

/** Replaces the record; durable when it returns. */
export const writeProgress = (store: Store, rev: RevisionName, progress: Progress): DiskResult<void> =>
  saveFile(store.disk, WHY, pvPath(store, rev, "progress"), encodeProgress(progress));
