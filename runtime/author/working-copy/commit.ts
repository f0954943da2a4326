import { err, ok, type Result } from "../../result.ts";
import type { Digest } from "../../state/index.ts";
import { saveFile } from "../../store/index.ts";
import { applyMembers, checkRevision, digestIn, patchBetween, type Revision, revisionText } from "../document/index.ts";
import {
  type Added,
  type AddedFile,
  alone,
  appendLog,
  type Change,
  clearAdded,
  fileBytes,
  keepObject,
  NO_MESSAGE,
  readStateText,
  saveMessage,
  saveState,
  settleObjects,
  stateSha,
  sweepObjects,
} from "../repository/index.ts";
import { changesBetween } from "./changes.ts";
import type { WorkingCopyError } from "./fault.ts";
import { type Scan, scan, type WorkingCopy } from "./scan.ts";

const WHY = "author/commit";
const CHECKPOINT = "checkpoint.json";

export interface CommitOptions {
  readonly message: string | null;
  /** Write a new `checkpoint.json`, which makes the revision one that a device can be sent back to (reference authoring 0). */
  readonly checkpoint: boolean;
  readonly now: Date;
  /** Hears of each file that is stored: how many are, of how many. */
  readonly progress?: (done: number, all: number, path: string) => void;
}

export interface Committed {
  readonly changes: readonly Change[];
  readonly state: string;
  /** Files whose null members were left out. */
  readonly nulls: readonly string[];
}

/**
 * Makes the tracked files the repository's state. Objects are durable first, then the state is replaced in one step: ended at any moment,
 * the repository has the old state or the new one, and another commit finishes what is left.
 */
export function commit(copy: WorkingCopy, options: CommitOptions): Promise<Result<Committed, WorkingCopyError>> {
  return alone(copy.repository.folder, async () => {
    const checkpoint = options.checkpoint ? await writeCheckpoint(copy, options.now) : ok(new Map());
    if (!checkpoint.ok) return checkpoint;
    const scanned = await scan(copy, { alsoAdded: checkpoint.value });
    if (!scanned.ok) return scanned;
    const { pristine, working, broken, nulls } = scanned.value;
    if (broken.length > 0) return err({ kind: "broken", files: broken });
    const next = checkRevision(applyMembers(pristine, patchBetween(pristine, working)));
    if (!next.ok) return next;
    const changes = changesBetween(pristine, next.value);
    const stored = await storeObjects(copy, scanned.value, changes, options);
    if (!stored.ok) return stored;
    const state = stateSha(next.value);
    const kept = await keep(copy, next.value, changes, options);
    return kept.ok ? ok({ changes, state, nulls }) : kept;
  });
}

async function writeCheckpoint({ root, repository }: WorkingCopy, now: Date): Promise<Result<Added, WorkingCopyError>> {
  const text = `${JSON.stringify({ major: now.toISOString().replace(/\.\d+Z$/, "Z") })}\n`;
  const saved = await saveFile(repository.disk, WHY, `${root}/${CHECKPOINT}`, Buffer.from(text));
  const sha = new Bun.CryptoHasher("sha256").update(text).digest("hex") as Digest;
  return saved.ok ? ok(new Map<string, AddedFile>([[CHECKPOINT, { forceObject: false, sha }]])) : saved;
}

async function storeObjects(
  { root, repository }: WorkingCopy,
  { working }: Scan,
  changes: readonly Change[],
  { progress }: CommitOptions,
): Promise<Result<void, WorkingCopyError>> {
  const wanted = changes.flatMap(([, path]) => {
    const digest = digestIn(working.get(path));
    return digest === null ? [] : [{ path, digest }];
  });
  if (wanted.length === 0) return ok(undefined);
  await sweepObjects(repository);
  for (const [index, { path, digest }] of wanted.entries()) {
    progress?.(index + 1, wanted.length, path);
    const stored = await keepObject(repository, digest, fileBytes(repository, `${root}/${path}`));
    if (stored.ok) continue;
    return stored.error.kind === "wrongBytes" ? err({ kind: "changed", path, digest }) : stored;
  }
  return settleObjects(repository);
}

async function keep(
  { repository }: WorkingCopy,
  next: Revision,
  changes: readonly Change[],
  { message, now }: CommitOptions,
): Promise<Result<void, WorkingCopyError>> {
  if (changes.length > 0) {
    const said = await saveMessage(repository, message ?? NO_MESSAGE);
    if (!said.ok) return said;
  }
  const before = await readStateText(repository);
  if (!before.ok) return before;
  if (before.value !== revisionText(next)) {
    const saved = await saveState(repository, next);
    if (!saved.ok) return saved;
  }
  const cleared = await clearAdded(repository);
  if (!cleared.ok || changes.length === 0) return cleared;
  return appendLog(repository, { state: stateSha(next), message: message ?? NO_MESSAGE, changes, now });
}
