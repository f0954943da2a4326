import type { Answer, Refusal, Steps } from "../control/index.ts";
import { err, ok, type Result } from "../result.ts";
import {
  encodeProgress,
  explainStore,
  listRevisions,
  parseRevisionName,
  type RevisionName,
  readFile,
  readProgress,
  readState,
  type Store,
  type StoreError,
  saveFile,
  trailFolder,
} from "../store/index.ts";

const WHY = "control/steps";
/** Longer than what is taken here: other tools may have written it. */
const COMMIT_MESSAGE_BYTES_MAX = 4096;

const noSuchStep: Refusal = { status: 404, why: "Step does not exist" };
const refused = (error: StoreError): Result<never, Refusal> =>
  err(
    error.kind === "missing" ? noSuchStep : { status: error.kind === "noSpace" ? 507 : 500, why: explainStore(error) },
  );

/** Reference 8.4 on a storage tree. `put` is what an update begins with, and not decided here. */
export function controlSteps(
  store: Store,
  options: {
    /** What `current` stands for. */
    running(): RevisionName;
    put(rev: RevisionName, state: Uint8Array): Answer<void>;
  },
): Steps {
  const { disk } = store;
  const messagePath = (rev: RevisionName): string => `${trailFolder(store, rev)}/.pv/commitmsg`;
  const statePath = (rev: RevisionName): string => `${trailFolder(store, rev)}/.pvr/json`;

  /** A revision that is there; one without a state text is a folder that an update was cut off in. */
  async function existing(text: string): Answer<RevisionName> {
    if (text === "current") return ok(options.running());
    const rev = parseRevisionName(text);
    if (!rev.ok) return err(noSuchStep);
    const there = await disk.stat(WHY, statePath(rev.value));
    return there.ok ? rev : refused(there.error);
  }

  async function messageOf(rev: RevisionName): Answer<string> {
    const bytes = await readFile(disk, WHY, messagePath(rev), COMMIT_MESSAGE_BYTES_MAX);
    if (bytes.ok) return ok(new TextDecoder().decode(bytes.value));
    return bytes.error.kind === "missing" ? ok("") : refused(bytes.error);
  }

  async function progressOf(rev: RevisionName): Answer<string | null> {
    const progress = await readProgress(store, rev);
    if (!progress.ok) return refused(progress.error);
    return ok(progress.value === null ? null : new TextDecoder().decode(encodeProgress(progress.value)));
  }

  return {
    async list() {
      const revisions = await listRevisions(store);
      if (!revisions.ok) return refused(revisions.error);
      const steps = [];
      for (const name of revisions.value) {
        const info = await disk.stat(WHY, statePath(name));
        // What cannot be read of one revision must not hide the others.
        const [message, progress] = [await messageOf(name), await progressOf(name)];
        steps.push({
          name,
          storedAtMs: info.ok ? Number(info.value.mtimeNs / 1_000_000n) : null,
          commitMessage: message.ok ? message.value : "",
          progress: progress.ok ? progress.value : null,
        });
      }
      return ok(steps);
    },
    async state(text) {
      const rev = await existing(text);
      if (!rev.ok) return rev;
      const state = await readState(store, rev.value);
      return state.ok ? state : refused(state.error);
    },
    async progress(text) {
      const rev = await existing(text);
      if (!rev.ok) return rev;
      const progress = await progressOf(rev.value);
      if (!progress.ok) return progress;
      return progress.value === null ? err({ status: 404, why: "Progress does not exist" }) : ok(progress.value);
    },
    async commitMessage(text) {
      const rev = await existing(text);
      return rev.ok ? messageOf(rev.value) : rev;
    },
    async setCommitMessage(text, message) {
      const rev = await existing(text);
      if (!rev.ok) return rev;
      const saved = await saveFile(disk, WHY, messagePath(rev.value), new TextEncoder().encode(message));
      return saved.ok ? saved : refused(saved.error);
    },
    async put(text, state) {
      const rev = parseRevisionName(text);
      return rev.ok ? options.put(rev.value, state) : err({ status: 400, why: explainStore(rev.error) });
    },
  };
}
