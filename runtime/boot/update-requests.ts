import type { CommandAnswer, Refusal } from "../control/index.ts";
import { err, ok, type Result } from "../result.ts";
import { factory, isLocal, parseRevisionName, type RevisionName } from "../state/index.ts";
import {
  explainStore,
  progressRecord,
  putState,
  readState,
  removeRevision,
  type Store,
  type StoreError,
  writeProgress,
} from "../store/index.ts";
import type { Failure, Wish } from "../update/index.ts";
import type { UpdateOperation, Updates } from "./control-commands.ts";
import { type Accepts, acceptState } from "./read-revision.ts";
import { activity, type Updating } from "./updating.ts";

/** Reference 8.6: an update that runs may take this long. */
const BUSY_RETRY_SECONDS = 600;

const refusal = (status: Refusal["status"], why: string): Refusal => ({ status, why });
const refused = (status: Refusal["status"], why: string): CommandAnswer => ({
  kind: "refused",
  ...refusal(status, why),
});
const ofStore = (error: StoreError): Refusal => {
  switch (error.kind) {
    case "noSpace":
      return refusal(507, explainStore(error));
    case "otherState":
      return refusal(409, explainStore(error));
    case "tooLarge":
      return refusal(422, "Parser: State JSON has bad format: it is too long");
    default:
      return refusal(500, explainStore(error));
  }
};

const notAccepted = ({ reason, message }: Failure): string =>
  `${reason === "badSignature" ? "Secureboot" : "Parser: State JSON has bad format"}: ${message}`;

/** What the control API asks of updates: states to keep, revisions to run, room to make (reference 4.8, 8.4, 8.6, 8.9). */
export function updateRequests(options: {
  readonly store: Store;
  readonly updating: Updating;
  /** What the boot loader started: its base system is in use whatever runs. */
  readonly booted: RevisionName;
  readonly accepts: Accepts;
  readonly warn: (message: string) => void;
}): Updates {
  const { store, updating, booted } = options;

  const busy = (): CommandAnswer | null => {
    const active = activity(updating.view());
    if (active === null) return null;
    const what = active.rev === null ? active.at : `revision ${active.rev} is ${active.at}`;
    return { kind: "busy", why: `An update is under way: ${what}`, retryAfterSeconds: BUSY_RETRY_SECONDS };
  };

  /** A state that is being checked or installed must not change under the engine's hands. */
  function unchanging(): ReadonlySet<RevisionName> {
    const revisions = new Set([booted, updating.view().running]);
    const active = activity(updating.view())?.rev ?? null;
    return active === null ? revisions : revisions.add(active);
  }

  async function put(rev: RevisionName, bytes: Uint8Array): Promise<Result<void, Refusal>> {
    if (!isLocal(rev)) return err(refusal(400, "Only revisions below locals/ can be put"));
    const state = acceptState(bytes, options.accepts);
    if (!state.ok) return err(refusal(422, notAccepted(state.error)));
    const stored = await putState(store, rev, state.value.text, { keep: unchanging() });
    if (!stored.ok) return err(ofStore(stored.error));
    if (unchanging().has(rev)) return ok(undefined); // it is there already, with a record of its own
    const recorded = await writeProgress(store, rev, progressRecord("NEW", "Update ready to be run"));
    return recorded.ok ? recorded : err(ofStore(recorded.error));
  }

  async function run(text: string, wish: Wish): Promise<CommandAnswer> {
    const rev = parseRevisionName(text);
    if (!rev.ok) return refused(400, explainStore(rev.error));
    const there = await readState(store, rev.value);
    if (!there.ok) {
      return there.error.kind === "missing"
        ? refused(404, `There is no revision ${rev.value}: put its state first`)
        : { kind: "refused", ...ofStore(there.error) };
    }
    const waiting = busy();
    if (waiting !== null) return waiting;
    if (rev.value === updating.view().running && wish === "run") {
      return refused(409, `Revision ${rev.value} runs already`);
    }
    updating.send({ kind: "offer", candidate: { rev: rev.value, origin: "local", wish, retries: 0 } });
    return { kind: "accepted" };
  }

  /** The given revision, the running one unless told, becomes revision 0 and is run. */
  async function makeFactory(payload: string): Promise<CommandAnswer> {
    const rev = payload === "" ? ok(updating.view().running) : parseRevisionName(payload);
    if (!rev.ok) return refused(400, explainStore(rev.error));
    const waiting = busy();
    if (waiting !== null) return waiting;
    if (rev.value === factory) return { kind: "nothingToDo" };
    const text = await readState(store, rev.value);
    if (!text.ok) return refused(404, `There is no revision ${rev.value}`);
    const used = await updating.work.inUse();
    if (!used.ok) return refused(500, used.error);
    if (used.value.has(factory)) return refused(409, "The factory revision is in use: run another revision first");
    // The old factory goes only for one that could be tried.
    const good = await updating.work.check({ rev: rev.value, origin: "local", wish: "run", retries: 0 });
    if (!good.ok) return refused(409, `Revision ${rev.value} cannot be the factory's: ${good.error.message}`);
    const gone = await removeRevision(store, factory);
    if (!gone.ok) return { kind: "refused", ...ofStore(gone.error) };
    const stored = await putState(store, factory, new TextDecoder().decode(text.value), { keep: new Set() });
    if (!stored.ok) return { kind: "refused", ...ofStore(stored.error) };
    return run(factory, "run");
  }

  async function collect(): Promise<Result<number, Refusal>> {
    const active = activity(updating.view())?.rev ?? null;
    const done = await updating.work.collect(active);
    return done.ok ? done : err(refusal(500, done.error));
  }

  return {
    put,
    collectGarbage: collect,
    async command(operation: UpdateOperation, payload: string): Promise<CommandAnswer> {
      switch (operation) {
        case "LOCAL_RUN":
          return run(payload, "run");
        case "LOCAL_RUN_COMMIT":
          return run(payload, "reboot");
        case "MAKE_FACTORY":
          return makeFactory(payload);
        case "RUN_GC":
          void collect().then((done) => {
            if (!done.ok) options.warn(`garbage collection: ${done.error.why}`);
          });
          return { kind: "accepted" };
      }
    },
  };
}
