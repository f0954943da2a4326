import { ok, type Result } from "../../result.ts";
import { mergeParts, type Revision, replaceParts, revisionText } from "../document/index.ts";
import { alone, appendLog, type Change, type Repository, readState, saveState, stateSha } from "../repository/index.ts";
import { changesBetween } from "../working-copy/index.ts";
import type { TransferError } from "./fault.ts";
import { fetchObjects, type ObjectProgress, openSource, type Source } from "./source.ts";

/**
 * `get`: the selected parts come in place of those here, or the whole state does. `merge`: the selected part of the state is a merge patch
 * (RFC 7386). `import`: the state is replaced, whatever is selected.
 */
export type How = "get" | "merge" | "import";

export interface Taken {
  readonly changes: readonly Change[];
  readonly state: string;
  readonly fetched: number;
}

export interface TakeOptions {
  readonly how: How;
  /** What the user named. */
  readonly reference: string;
  readonly now: Date;
  readonly progress?: ObjectProgress;
}

/**
 * Takes a revision, or parts of one, into a repository's state; its working copy follows with a checkout. Objects are there, checked and
 * durable, before the state is replaced in one step.
 */
export async function take(repository: Repository, options: TakeOptions): Promise<Result<Taken, TransferError>> {
  const source = await openSource(options.reference);
  if (!source.ok) return source;
  try {
    return await alone(repository.folder, () => takeFrom(repository, source.value, options));
  } finally {
    await source.value.parcel.close();
  }
}

async function takeFrom(
  repository: Repository,
  source: Source,
  { how, reference, now, progress }: TakeOptions,
): Promise<Result<Taken, TransferError>> {
  const before = await readState(repository);
  if (!before.ok) return before;
  const next = combine(before.value, source, how);
  if (!next.ok) return next;
  const fetched = await fetchObjects(repository, source, next.value, progress);
  if (!fetched.ok) return fetched;
  const changes = changesBetween(before.value, next.value);
  const state = stateSha(next.value);
  if (revisionText(before.value) !== revisionText(next.value)) {
    const saved = await saveState(repository, next.value);
    if (!saved.ok) return saved;
    const logged = await appendLog(repository, { state, message: `${how} ${reference}`, changes, now });
    if (!logged.ok) return logged;
  }
  return ok({ changes, state, fetched: fetched.value.fetched });
}

function combine(
  target: Revision,
  { revision, selection }: Source,
  how: How,
): ReturnType<typeof replaceParts> | { readonly ok: true; readonly value: Revision } {
  if (how === "import") return ok(revision);
  return how === "get" ? replaceParts(target, revision, selection) : mergeParts(target, revision, selection);
}
