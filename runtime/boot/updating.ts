import { explainLoader, type Loader } from "../loader/index.ts";
import { err, ok, type Result, unreachable } from "../result.ts";
import { factory, isLocal, type RevisionName, type State } from "../state/index.ts";
import { isDone, listRevisions, readBoots, readPrevious, readProgress, readState, type Store } from "../store/index.ts";
import {
  type BootFacts,
  type Candidate,
  candidateOf,
  deadline,
  type Effect,
  type Failure,
  failure,
  type Outcome,
  resume,
  step,
  type Update,
  type UpdateEvent,
  type UpdateLimits,
} from "../update/index.ts";
import { interruptedRevisions, newestOfHub } from "./interrupted-revisions.ts";
import { type UpdateWork, type UpdateWorld, updateWork } from "./update-work.ts";

/** What an update needs beside its storage and its loader. */
export interface UpdatingPorts extends UpdateWorld {
  readonly limits: UpdateLimits;
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls once, `ms` from now or a little later; the value takes that back. */
  setTimer(ms: number, fire: () => void): () => void;
  /** Takes the device over to another revision without a reboot: checks what is affected, then exchanges it. */
  swap(to: { readonly name: RevisionName; readonly state: State }): Promise<Result<void, string>>;
  /** Where the running revision stands with its goals. */
  goals(): Goals;
  /** Whether every container is at its goal, and every one that has a stable timeout has become stable; how long that may take. */
  stability(): Stability;
  /** Begins to go down. `trial`: into the trial that was armed. `force`: at once. */
  reboot(why: string, options: { readonly trial: boolean; readonly force: boolean }): void;
  /** What is going on, or what is recorded of a revision, may be another than before. */
  readonly onChange?: () => void;
  /** Gets the missing objects of a hub's revision. */
  fetch(candidate: Candidate): Promise<Result<void, Failure>>;
}

export type Stability = Pick<Extract<UpdateEvent, { kind: "stable" }>, "stable" | "withinMs">;
export type Goals = Pick<Extract<UpdateEvent, { kind: "goals" }>, "result" | "missing">;

type WithoutTime<E> = E extends unknown ? Omit<E, "atMs"> : never;
export type UpdateNews = WithoutTime<UpdateEvent>;

export interface Updating {
  view(): Update;
  send(event: UpdateNews): void;
  readonly work: UpdateWork;
  /** Resolves when nothing is being done. */
  settled(): Promise<void>;
}

/** {@link UpdatingPorts.setTimer} by the runtime's own clock. */
export function realTimer(ms: number, fire: () => void): () => void {
  // setTimeout takes 31 bits; a tick too early is harmless.
  const timer = setTimeout(fire, Math.min(2 ** 31 - 1, Math.max(0, Math.ceil(ms))));
  return () => clearTimeout(timer);
}

/** Reads what this boot finds. */
async function bootFacts(store: Store, loader: Loader, booted: RevisionName): Promise<Result<BootFacts, string>> {
  const variables = await loader.read();
  if (!variables.ok) return err(explainLoader(variables.error));
  const { trial } = variables.value;
  const committed = variables.value.committed ?? factory;
  const trialRecord = trial === null ? null : await statusOf(store, trial, trial === booted ? "ERROR" : null);
  const boots = await readBoots(store, booted);
  const revisions = await listRevisions(store);
  const newest = revisions.ok ? newestOfHub(revisions.value) : null;
  return ok({
    booted,
    bootedStatus: (await statusOf(store, booted, null)).status,
    committed,
    trial,
    trialStatus: trialRecord?.status ?? null,
    committedStatus: (await statusOf(store, committed, "ERROR")).status,
    retries: trialRecord?.retries ?? 0,
    origin: isLocal(trial ?? booted) ? "local" : "hub",
    boots: boots.ok ? boots.value : 0,
    previous: await usablePrevious(store, committed),
    interrupted: await interruptedRevisions(store, new Set([booted, committed, trial, newest])),
  });
}

/** `unread`: what stands for a record that cannot be read now. It may be a verdict, after which nothing is tried again. */
async function statusOf(store: Store, rev: RevisionName, unread: "ERROR" | null) {
  const record = await readProgress(store, rev);
  if (!record.ok) return { status: record.error.kind === "badProgress" ? null : unread, retries: 0 };
  return { status: record.value?.status ?? null, retries: record.value?.retries ?? 0 };
}

/** What was committed before, if it is there still, was committed indeed, and was not itself gone back from: two that crash would take turns. */
async function usablePrevious(store: Store, committed: RevisionName): Promise<RevisionName | null> {
  const previous = await readPrevious(store, committed);
  if (!previous.ok || previous.value === null) return null;
  const done = await isDone(store, previous.value);
  const state = await readState(store, previous.value);
  const record = await readProgress(store, previous.value);
  const crashed = record.ok && record.value?.evidence?.reason === "crashLoop";
  return done.ok && done.value && state.ok && !crashed ? previous.value : null;
}

/**
 * Decides what this boot is and does what that takes, before anything of the revision starts. When the value's phase is `leaving`, a
 * reboot has been asked for and nothing is to be started.
 */
export async function resumeUpdating(ports: UpdatingPorts): Promise<Result<Updating, string>> {
  const facts = await bootFacts(ports.store, ports.loader, ports.booted);
  if (!facts.ok) return facts;
  const [update, effects] = resume(facts.value, ports.limits, ports.now());
  const updating = openUpdating(ports, update, effects);
  await updating.settled();
  return ok(updating);
}

/** When nothing can be learned of the boot loader: the booted revision runs, and updates fail with the reason. */
export const withoutLoader = (ports: UpdatingPorts): Updating =>
  openUpdating(
    ports,
    { running: ports.booted, before: null, safe: false, limits: ports.limits, phase: { at: "idle", wellAtMs: null } },
    [],
  );

const good: Outcome = { ok: true };
const outcome = (done: Result<unknown, Failure>): Outcome => (done.ok ? good : { ok: false, failure: done.error });

/** Carries out what `update/` decides: events at once and in order, work one piece after the other. */
function openUpdating(ports: UpdatingPorts, first: Update, begin: readonly Effect[]): Updating {
  const work = updateWork(ports);
  const queue: Effect[] = [];
  let current = first;
  /** What ran before the last swap. */
  let before: { readonly name: RevisionName; readonly state: State } | null = null;
  let stopTimer = (): void => {};
  /** Grows when work is abandoned: what then still comes of it is nobody's. */
  let epoch = 0;
  let busy: Promise<void> | null = null;

  function send(event: UpdateNews): void {
    const [after, effects] = step(current, { ...event, atMs: ports.now() } as UpdateEvent);
    current = after;
    if (effects[0]?.kind === "abandon") {
      epoch += 1;
      queue.length = 0;
      busy = null;
    }
    queue.push(...effects.filter(({ kind }) => kind !== "abandon"));
    arm();
    pump();
    ports.onChange?.();
  }

  function arm(): void {
    stopTimer();
    const dueMs = deadline(current.phase);
    stopTimer = dueMs === null ? () => {} : ports.setTimer(dueMs - ports.now(), () => send({ kind: "tick" }));
  }

  function pump(): void {
    if (busy !== null || queue.length === 0) return;
    const mine = epoch;
    busy = drain(mine).finally(() => {
      if (mine !== epoch) return;
      busy = null;
      pump();
    });
  }

  async function drain(mine: number): Promise<void> {
    for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
      const answer = await perform(effect);
      if (mine !== epoch) return;
      if (answer !== null) send(answer);
    }
  }

  async function perform(effect: Effect): Promise<UpdateNews | null> {
    switch (effect.kind) {
      case "abandon":
        return null;
      case "check":
        return answered("checked", effect.candidate.rev, await work.check(effect.candidate));
      case "fetch":
        return answered("fetched", effect.candidate.rev, await ports.fetch(effect.candidate));
      case "install": {
        const { rev } = effect.candidate;
        const done = await work.install(effect.candidate);
        // What keeps crashing is better left behind by a boot, where the loader can do that.
        const how = done.ok && !(current.safe && ports.loader.canTry) ? done.value : "reboot";
        return { kind: "installed", rev, how, outcome: outcome(done) };
      }
      case "arm":
        return answered("armed", effect.rev, await work.arm(effect.rev));
      case "disarm":
        await work.disarm();
        return null;
      case "swap":
        return answered("swapped", effect.rev, await swap(effect.rev));
      case "swapBack":
        return answered("returned", effect.from, await swapBack());
      case "askGoals":
        return { kind: "goals", ...ports.goals() };
      case "askStable":
        return { kind: "stable", ...ports.stability() };
      case "commit":
        return recorded(answered("committed", effect.rev, await work.commit(effect.rev, effect.retries)));
      case "record":
        recorded(await work.record(effect));
        return effect.failure === null ? null : { kind: "recorded", rev: effect.rev };
      case "countBoot":
        await work.countBoot(effect.rev);
        return null;
      case "well":
        await work.well(effect.rev);
        return null;
      case "goBack":
        await work.goBack(effect.to);
        return null;
      case "reboot":
        ports.reboot(effect.why, effect);
        return null;
      default:
        return unreachable(effect);
    }
  }

  function recorded<T>(answer: T): T {
    ports.onChange?.();
    return answer;
  }

  const answered = (
    kind: "checked" | "fetched" | "armed" | "swapped" | "committed" | "returned",
    rev: RevisionName,
    done: Result<unknown, Failure>,
  ): UpdateNews => ({ kind, rev, outcome: outcome(done) });

  async function swap(rev: RevisionName): Promise<Result<void, Failure>> {
    const loaded = await work.load(rev);
    if (!loaded.ok) return loaded;
    before = ports.running();
    return exchanged(await ports.swap({ name: rev, state: loaded.value.state }));
  }

  async function swapBack(): Promise<Result<void, Failure>> {
    if (before === null) return err(failure("aborted", "nothing ran before it"));
    return exchanged(await ports.swap(before));
  }

  const exchanged = (done: Result<void, string>): Result<void, Failure> =>
    done.ok ? done : err(failure("badObject", done.error));

  queue.push(...begin);
  arm();
  pump();
  return {
    view: () => current,
    send,
    work,
    async settled() {
      while (busy !== null) await busy;
    },
  };
}

/** An update that is under way, as others are told of it; null: none. */
export function activity(update: Update): { readonly rev: RevisionName | null; readonly at: string } | null {
  const { phase } = update;
  return phase.at === "idle" ? null : { rev: candidateOf(update)?.rev ?? null, at: phase.at };
}
