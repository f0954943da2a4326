import type { Answer, Refusal, RefusalStatus, Steps, StepView } from "../control/index.ts";
import { err, ok, type Result } from "../result.ts";
import { parseRevisionName, type RevisionName } from "../state/index.ts";
import {
  encodeProgress,
  explainStore,
  findRevision,
  listSteps,
  type Progress,
  readCommitMessage,
  readProgress,
  readStateOf,
  type Step,
  type Store,
  type StoreError,
  writeCommitMessage,
} from "../store/index.ts";

const noSuchStep: Refusal = { status: 404, why: "Step does not exist" };
const statuses: Partial<Record<StoreError["kind"], RefusalStatus>> = { badCommitMessage: 400, noSpace: 507 };

/** A name that cannot be one is that of no revision. */
function refused(error: StoreError): Result<never, Refusal> {
  const unknown = error.kind === "missing" || error.kind === "badRevisionName";
  return err(unknown ? noSuchStep : { status: statuses[error.kind] ?? 500, why: explainStore(error) });
}

/** What the control API answers: the value, or the store's error as a refusal. */
const answered = <T>(result: Result<T, StoreError>): Result<T, Refusal> => (result.ok ? result : refused(result.error));

const textOf = (progress: Progress): string => new TextDecoder().decode(encodeProgress(progress));
const viewOf = ({ progress, ...step }: Step): StepView => ({
  ...step,
  progress: progress === null ? null : textOf(progress),
});

/** Reference 8.4 on a storage tree. `put` is what an update begins with, and not decided here. */
export function controlSteps(store: Store, put: (rev: RevisionName, state: Uint8Array) => Answer<void>): Steps {
  return {
    async list() {
      const steps = await listSteps(store);
      return steps.ok ? ok(steps.value.map(viewOf)) : refused(steps.error);
    },
    async state(text) {
      return answered(await readStateOf(store, text));
    },
    async progress(text) {
      const rev = await findRevision(store, text);
      const progress = rev.ok ? await readProgress(store, rev.value) : rev;
      if (!progress.ok) return refused(progress.error);
      const none = { status: 404, why: "Progress does not exist" } as const;
      return progress.value === null ? err(none) : ok(textOf(progress.value));
    },
    async commitMessage(text) {
      const rev = await findRevision(store, text);
      return answered(rev.ok ? await readCommitMessage(store, rev.value) : rev);
    },
    async setCommitMessage(text, message) {
      const rev = await findRevision(store, text);
      return answered(rev.ok ? await writeCommitMessage(store, rev.value, message) : rev);
    },
    async put(text, state) {
      const rev = parseRevisionName(text);
      return rev.ok ? put(rev.value, state) : err({ status: 400, why: explainStore(rev.error) });
    },
  };
}
