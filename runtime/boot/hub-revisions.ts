import type { Fetch, FromLink, ToLink } from "../fleet/pipe/index.ts";
import type { Logger } from "../logs/index.ts";
import { err, ok, type Result, unreachable } from "../result.ts";
import { type Digest, isLocal, limits, type RevisionName, type State } from "../state/index.ts";
import {
  boundEvidence,
  explainStore,
  type Progress,
  progressRecord,
  putState,
  readObject,
  readProgress,
  readState,
  type Store,
  spaceFor,
  storageSpace,
  writeProgress,
} from "../store/index.ts";
import { type Candidate, type Failure, failure } from "../update/index.ts";
import { type How, progressOf, verdictOf } from "./hub-progress.ts";
import { type HubVerdict, lastVerdict, saveVerdict } from "./hub-verdict.ts";
import { interruptedRevisions, isOfHub } from "./interrupted-revisions.ts";
import { missingObjects } from "./missing-objects.ts";
import { type Accepts, acceptState, readRevision } from "./read-revision.ts";
import { stateDigest } from "./state-digest.ts";
import { activity, type Updating } from "./updating.ts";

export interface HubRevisionsPorts {
  readonly store: Store;
  readonly updating: Updating;
  readonly accepts: Accepts;
  readonly log: Logger;
  /** `PV_STORAGE_GC_RESERVED`. */
  readonly reservedPercent: number;
  /** What the boot loader started. */
  readonly booted: RevisionName;
  running(): { readonly name: RevisionName; readonly state: State };
  /** Tells the link, if it runs. */
  say(message: ToLink): void;
}

/** What the hub wants of this device, handed to the update engine; and what the engine comes to, told to the hub. */
export interface HubRevisions {
  hear(message: HubWish): void;
  /** What a link that has just started needs to know beside the device's state. */
  begin(): void;
  /** The engine may be in another phase, or a record be another. */
  changed(): void;
  /** Gets what is missing of a revision by way of the link; a link that starts again goes on with it. */
  fetch(candidate: Candidate): Promise<Result<void, Failure>>;
}

/** What the link says that concerns revisions. */
export type HubWish = Extract<FromLink, { kind: "contact" | "desired" | "fetched" | "needRoom" }>;
type Wanted = Extract<FromLink, { kind: "desired" }>;
type Named = Pick<Wanted, "rev" | "state">;

export function openHubRevisions(ports: HubRevisionsPorts): HubRevisions {
  const { store, updating, log } = ports;
  let wanted: Wanted | null = null;
  /** Why `wanted` cannot even be recorded. */
  let refused: Failure | null = null;
  let fetching: { readonly message: Fetch; readonly end: (done: Result<void, Failure>) => void } | null = null;
  let told = "";
  let waits = false;
  /** Of those that the hub has wanted in this boot. */
  let newest: RevisionName | null = null;
  let last: HubVerdict | null = null;
  let recalled = false;
  let wasBusy = false;

  const look = inTurn(async () => {
    waitForHub();
    giveUpFetch();
    const busy = activity(updating.view()) !== null;
    if (!recalled || (wasBusy && !busy)) await recall();
    wasBusy = busy;
    if (wanted !== null) await forgetOlder(wanted);
    if (wanted !== null) await offer(wanted);
    // What was good once may have turned out not to be.
    const about = wanted ?? last;
    if (about !== null) await tell(about);
  });

  async function recall(): Promise<void> {
    const found = await lastVerdict(store);
    if (found.ok) [last, recalled] = [found.value, true];
    else log.warn(`what became of the hub's last revision cannot be read: ${explainStore(found.error)}`);
  }

  const isOver = ({ rev, state }: Named): boolean => last?.rev === rev && last.state === state;

  /** A revision of the hub's is kept only when the hub can be reached from it, at the end of its trial. */
  function waitForHub(): void {
    const { phase } = updating.view();
    const now = phase.at === "stabilizing" && phase.stable;
    if (now === waits) return;
    waits = now;
    ports.say({ kind: "trial", waits });
  }

  /** Nobody waits for it any more. */
  function giveUpFetch(): void {
    const { phase } = updating.view();
    const isAwaited = phase.at === "fetching" && phase.candidate.rev === fetching?.message.rev;
    if (!isAwaited) callOff("it is not wanted any more");
  }

  /** What is still on its way is not worth a byte more. */
  function supersede(rev: RevisionName): void {
    if (fetching?.message.rev !== rev) callOff(`the hub wants revision ${rev} instead`);
  }

  function callOff(why: string): void {
    if (fetching === null) return;
    const { rev } = fetching.message;
    ports.say({ kind: "stopFetch", rev });
    endFetch(rev, err(failure("aborted", why)));
  }

  async function offer(desired: Wanted): Promise<void> {
    if (activity(updating.view()) !== null || refused !== null || isLocal(ports.running().name)) return;
    if (isOver(desired)) return;
    const stored = await keep(desired);
    if (!stored.ok) return refuse(desired, stored.error);
    const record = await recordOf(desired);
    // While that was read something else may have begun, or the hub have changed its mind.
    if (verdictOf(record) !== null || activity(updating.view()) !== null || wanted !== desired) return;
    const { rev } = desired;
    if (rev === updating.view().running) return;
    const tried = record?.status === "INPROGRESS" || record?.status === "TESTING";
    const retries = (record?.retries ?? 0) + Number(tried);
    updating.send({ kind: "offer", candidate: { rev, origin: "hub", wish: "run", retries } });
  }

  /** There is no record that could say so. */
  async function refuse({ rev, state }: Wanted, why: Failure): Promise<void> {
    refused = why;
    log.error(`revision ${rev} of the hub is refused: ${why.message}`);
    await keepVerdict({ rev, state, how: refusal(why) });
  }

  async function keepVerdict(verdict: HubVerdict): Promise<void> {
    const saved = await saveVerdict(store, verdict);
    if (saved.ok) last = verdict;
    else log.warn(`what became of revision ${verdict.rev} is not kept: ${explainStore(saved.error)}`);
  }

  /** The state on its way from the link's hands to a trail of its own; what is refused leaves nothing behind. */
  async function keep({ rev, state }: Wanted): Promise<Result<void, Failure>> {
    const there = await readState(store, rev);
    if (there.ok && stateDigest(there.value) === state) return ok(undefined);
    const bytes = await objectBytes(state);
    if (!bytes.ok) return bytes;
    const accepted = acceptState(bytes.value, ports.accepts);
    if (!accepted.ok) return accepted;
    const put = await putState(store, rev, accepted.value.text, {
      keep: new Set([ports.booted, ports.running().name, updating.view().running]),
    });
    if (!put.ok) {
      const reason = put.error.kind === "noSpace" ? "noSpace" : "installFailed";
      return err(failure(reason, explainStore(put.error)));
    }
    const recorded = await writeProgress(store, rev, progressRecord("NEW", "Update ready to be downloaded"));
    return recorded.ok ? recorded : err(failure("installFailed", explainStore(recorded.error)));
  }

  /** What the hub wanted before, and was cut off, is not asked for again. */
  async function forgetOlder({ rev }: Wanted): Promise<void> {
    if (rev === newest) return;
    newest = rev;
    const active = activity(updating.view())?.rev ?? null;
    const known = new Set([ports.booted, ports.running().name, updating.view().running, active, rev]);
    for (const older of (await interruptedRevisions(store, known)).filter((each) => isOfHub(each.rev))) {
      const aborted = progressRecord("ERROR", `Update aborted: the hub wants revision ${rev} instead`, older);
      const recorded = await writeProgress(store, older.rev, aborted);
      if (!recorded.ok) log.warn(explainStore(recorded.error));
    }
  }

  async function objectBytes(digest: Digest): Promise<Result<Uint8Array, Failure>> {
    const missing = (why: string) => err(failure("stateMissing", why));
    const object = await readObject(store, digest);
    if (!object.ok) return missing(explainStore(object.error));
    if (object.value.sizeBytes > limits.stateBytesMax) return err(failure("badState", "it is longer than any"));
    const parts: Uint8Array[] = [];
    try {
      for await (const part of object.value.chunks) parts.push(part.slice());
    } catch (thrown) {
      return missing(thrown instanceof Error ? thrown.message : String(thrown));
    }
    const bytes = Buffer.concat(parts);
    return stateDigest(bytes) === digest ? ok(bytes) : missing("the state that came is damaged");
  }

  /** Null: none, or another revision's that had the number before. */
  async function recordOf({ rev, state }: Named): Promise<Progress | null> {
    const [text, record] = [await readState(store, rev), await readProgress(store, rev)];
    return text.ok && stateDigest(text.value) === state && record.ok ? record.value : null;
  }

  async function tell(desired: Named): Promise<void> {
    const { rev } = desired;
    const how = await standing(desired);
    if (how === null) return;
    const message: ToLink = { kind: "progress", rev, ...how };
    const text = JSON.stringify(message);
    if (text === told) return;
    told = text;
    ports.say(message);
  }

  async function standing(desired: Named): Promise<How | null> {
    const { rev, state } = desired;
    if (refused !== null) return refusal(refused);
    const record = await recordOf(desired);
    if (record === null && last !== null && isOver(desired)) return last.how;
    const how = verdictOf(record);
    if (how === null) return progressOf(rev, updating.view(), record);
    if (isOver(desired) && last?.how.phase === how.phase) return how;
    await keepVerdict({ rev, state, how });
    return how;
  }

  async function room(bytes: number): Promise<boolean> {
    const collected = await updating.work.collect(activity(updating.view())?.rev ?? null);
    if (!collected.ok) log.warn(`garbage collection: ${collected.error}`);
    const space = await storageSpace(store, ports.reservedPercent);
    return space.ok && spaceFor(space.value, bytes).ok;
  }

  function endFetch(rev: RevisionName, done: Result<void, Failure>): void {
    if (fetching?.message.rev !== rev) return;
    const { end } = fetching;
    fetching = null;
    end(done);
  }

  return {
    hear(message) {
      switch (message.kind) {
        case "contact":
          return updating.send({ kind: "contact" });
        case "desired":
          if (message.rev !== wanted?.rev || message.state !== wanted.state) refused = null;
          supersede(message.rev);
          wanted = message;
          told = ""; // who says it again wants to hear again how it stands
          return look();
        case "fetched": {
          const { rev, failure: why } = message;
          return endFetch(rev, why === null ? ok(undefined) : err(failure(why.reason, why.message)));
        }
        case "needRoom":
          void room(message.bytes).then((enough) => ports.say({ kind: "room", enough }));
          return;
        default:
          return unreachable(message);
      }
    },
    begin() {
      if (waits) ports.say({ kind: "trial", waits });
      if (fetching !== null) ports.say(fetching.message);
      told = "";
      look();
    },
    changed: look,
    async fetch({ rev }) {
      const state = await readRevision(store, rev, ports.accepts);
      if (!state.ok) return state;
      const missing = await missingObjects(store, state.value, ports.running().state);
      if (!missing.ok) return err(failure("installFailed", explainStore(missing.error)));
      if (missing.value.length === 0) return ok(undefined);
      const { promise, resolve } = Promise.withResolvers<Result<void, Failure>>();
      const objects = missing.value.map(({ digest, candidates }) => ({ digest, candidates: [...candidates] }));
      fetching = { message: { kind: "fetch", rev, objects }, end: resolve };
      ports.say(fetching.message);
      return promise;
    },
  };
}

const refusal = ({ reason, message }: Failure) => ({
  phase: "wontgo" as const,
  reason,
  message: message.slice(0, 1024),
  evidence: JSON.stringify(boundEvidence({ reason, message })),
});

/** Calls of the value lead to one run after the other; any number of calls during one lead to one more. */
function inTurn(act: () => Promise<void>): () => void {
  let [running, again] = [false, false];
  const run = async (): Promise<void> => {
    running = true;
    try {
      while (again) {
        again = false;
        await act();
      }
    } finally {
      running = false;
    }
  };
  return () => {
    again = true;
    if (!running) void run();
  };
}
