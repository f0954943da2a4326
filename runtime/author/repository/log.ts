import * as v from "valibot";
import { ok, type Result } from "../../result.ts";
import { readFile, saveFile } from "../../store/index.ts";
import type { RepositoryError } from "./fault.ts";
import { ownFolder, type Repository, readState, stateChangedMs, stateSha } from "./repository.ts";

const WHY = "author/log";
const BYTES_MAX = 16 << 20;
/** Older entries are forgotten. */
const ENTRIES_MAX = 1000;
const CHANGES_MAX = 100;
const MESSAGE_BYTES_MAX = 64 * 1024;

/** What a message says when nobody gave one, as `pvr` has it. */
export const NO_MESSAGE = "** No commit message **";

const Letter = v.picklist(["A", "C", "D"]);
const EntryShape = v.object({
  /** RFC 3339. */
  time: v.string(),
  state: v.string(),
  message: v.string(),
  /** The first {@link CHANGES_MAX} of them. */
  changes: v.array(v.tuple([Letter, v.string()])),
  changesMore: v.number(),
});

/** One state that was committed here, and what it changed. */
export type LogEntry = v.InferOutput<typeof EntryShape>;
export type Change = LogEntry["changes"][number];

const logPath = (repository: Repository): string => `${ownFolder(repository)}/log`;
const messagePath = ({ folder }: Repository): string => `${folder}/commitmsg`;

async function readEntries(repository: Repository): Promise<readonly LogEntry[]> {
  const bytes = await readFile(repository.disk, WHY, logPath(repository), BYTES_MAX);
  if (!bytes.ok) return []; // it is a convenience: what it lost is no reason to refuse a commit
  return Buffer.from(bytes.value)
    .toString("utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        const shaped = v.safeParse(EntryShape, JSON.parse(line));
        return shaped.success ? [shaped.output] : [];
      } catch {
        return [];
      }
    });
}

/** Notes what was committed, after it was. */
export async function appendLog(
  repository: Repository,
  entry: { readonly state: string; readonly message: string; readonly changes: readonly Change[]; readonly now: Date },
): Promise<Result<void, RepositoryError>> {
  const { state, message, changes, now } = entry;
  const noted: LogEntry = {
    time: now.toISOString().replace(/\.\d+Z$/, "Z"),
    state,
    message: message.slice(0, MESSAGE_BYTES_MAX),
    changes: changes.slice(0, CHANGES_MAX).map(([letter, key]) => [letter, key]),
    changesMore: Math.max(0, changes.length - CHANGES_MAX),
  };
  const all = [...(await readEntries(repository)), noted].slice(-ENTRIES_MAX);
  const text = all.map((one) => `${JSON.stringify(one)}\n`).join("");
  return saveFile(repository.disk, WHY, logPath(repository), Buffer.from(text));
}

/** Text of the last commit message, `.pvr/commitmsg`; null: there is none. */
export async function readMessage(repository: Repository): Promise<string | null> {
  const bytes = await readFile(repository.disk, WHY, messagePath(repository), MESSAGE_BYTES_MAX);
  return bytes.ok ? Buffer.from(bytes.value).toString("utf8") : null;
}

export const saveMessage = (repository: Repository, message: string): ReturnType<typeof saveFile> =>
  saveFile(repository.disk, WHY, messagePath(repository), Buffer.from(message));

/** What was committed here, newest first. A state that another tool left has an entry too: its message and its file's time say what is known. */
export async function readLog(repository: Repository): Promise<Result<readonly LogEntry[], RepositoryError>> {
  const state = await readState(repository);
  if (!state.ok) return state;
  const entries = (await readEntries(repository)).toReversed();
  const sha = stateSha(state.value);
  if (entries[0]?.state === sha) return ok(entries);
  const changedMs = await stateChangedMs(repository);
  if (!changedMs.ok) return changedMs;
  const message = await readMessage(repository);
  if (entries.length === 0 && message === null) return ok([]); // new, and nothing was committed yet
  const time = new Date(changedMs.value).toISOString().replace(/\.\d+Z$/, "Z");
  return ok([{ time, state: sha, message: message ?? "", changes: [], changesMore: 0 }, ...entries]);
}
