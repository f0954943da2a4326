import { explainLoader, type Loader } from "../loader/index.ts";
import type { Logger } from "../logs/index.ts";
import { err, ok, type Result } from "../result.ts";
import {
  belowFloor,
  factory,
  type RevisionName,
  raisedFloor,
  type State,
  type Transition,
  transition,
} from "../state/index.ts";
import {
  clearBoots,
  collectGarbage,
  countBoot,
  type Evidence,
  explainProblem,
  explainStore,
  installRevision,
  markDone,
  neededBytes,
  newHashCache,
  progressRecord,
  protectedRevisions,
  type RevisionsInUse,
  readFloor,
  readPrevious,
  readState,
  type Store,
  type StoreError,
  spaceFor,
  storageSpace,
  validate,
  validateBootFiles,
  writeFloor,
  writeProgress,
} from "../store/index.ts";
import { type Candidate, type Effect, type Failure, failure, type How, type Wish } from "../update/index.ts";
import { type Accepts, readRevision } from "./read-revision.ts";

/** What the work of an update needs of the device; the simulation gives its own. */
export interface UpdateWorld {
  readonly store: Store;
  readonly loader: Loader;
  readonly log: Logger;
  /** Milliseconds since 1970, by a clock that may not have been set. */
  wallMs(): number;
  /** `PV_STORAGE_GC_RESERVED`. */
  readonly reservedPercent: number;
  /** `PV_STORAGE_GC_KEEP_FACTORY`. */
  readonly keepFactory: boolean;
  /** `PV_STORAGE_GC_THRESHOLD`: with less free above the reserve, room is made once a revision is well; 0: never. */
  readonly collectBelowPercent: number;
  /** `dm:` images will be mounted under dm-verity. */
  readonly useVerity: boolean;
  readonly accepts: Accepts;
  /** The revision that the boot loader started. */
  readonly booted: RevisionName;
  /** What runs now. */
  running(): { readonly name: RevisionName; readonly state: State };
  /** Other revisions that running containers still have files of. */
  revisionsInUse(): ReadonlySet<string>;
  /** Last log lines of a container of a revision; null: of the runtime itself. */
  lastLines(rev: RevisionName, container: string | null): readonly string[];
}

type Done = Result<void, Failure>;

/** How often the record of a verdict is written before it is given up. */
const verdictTries = 3;

const fromStore = (error: StoreError): Failure =>
  failure(error.kind === "noSpace" ? "noSpace" : "installFailed", explainStore(error));

/** Carries out single steps of an update. Each may be cut off anywhere and done again. */
export interface UpdateWork {
  check(candidate: Candidate): Promise<Done>;
  install(candidate: Candidate): Promise<Result<How, Failure>>;
  arm(rev: RevisionName): Promise<Done>;
  disarm(): Promise<void>;
  commit(rev: RevisionName, retries: number): Promise<Done>;
  goBack(to: RevisionName): Promise<void>;
  record(effect: Extract<Effect, { kind: "record" }>): Promise<void>;
  countBoot(rev: RevisionName): Promise<void>;
  well(rev: RevisionName): Promise<void>;
  /** The revision as it is on the disk, and what it takes to get there from what runs. */
  load(rev: RevisionName): Promise<Result<{ readonly state: State; readonly transition: Transition }, Failure>>;
  /** What runs, what the loader may start, and what running containers have files of. */
  inUse(): Promise<Result<ReadonlySet<RevisionName>, string>>;
  /** Removes what nothing needs; the value is the bytes that came free. */
  collect(active: RevisionName | null): Promise<Result<number, string>>;
}

export function updateWork(world: UpdateWorld): UpdateWork {
  const { store, loader, log } = world;

  const stateOf = (rev: RevisionName) => readRevision(store, rev, world.accepts);

  async function load(rev: RevisionName) {
    const state = await stateOf(rev);
    if (!state.ok) return state;
    return ok({ state: state.value, transition: transition(world.running().state, state.value) });
  }

  /** Whether the loader could start it; a revision that only swaps containers has the boot files of the one before it. */
  function bootable({ bsp }: State, way: Transition, wish: Wish): Done {
    if (!loader.canTry && (way.kind === "reboot" || wish === "reboot")) {
      const differs =
        way.kind === "reboot" ? `it differs in ${way.because.slice(0, 3).join(", ")}, which` : "its order";
      const why = `${differs} needs a reboot into it, and boot loader "${loader.type}" cannot try a revision`;
      return err(failure("notBootable", why));
    }
    if (loader.canTry && bsp === null) return err(failure("notBootable", "it has no bsp/run.json: nothing to boot"));
    return ok(undefined);
  }

  async function hasRoom(rev: RevisionName, state: State): Promise<Done> {
    const needed = await neededBytes(store, state, new Map());
    if (!needed.ok) {
      const reason = needed.error.kind === "sizeUnknown" ? "badObject" : "installFailed";
      return err(failure(reason, explainStore(needed.error)));
    }
    const fits = async (): Promise<Done> => {
      const space = await storageSpace(store, world.reservedPercent);
      const room = space.ok ? spaceFor(space.value, needed.value) : space;
      return room.ok ? room : err(fromStore(room.error));
    };
    const first = await fits();
    if (first.ok || first.error.reason !== "noSpace") return first;
    const collected = await collect(rev);
    if (!collected.ok) log.warn(`garbage collection: ${collected.error}`);
    return fits();
  }

  /** No part may be older than what a committed revision has ruled out. */
  async function aboveFloor(state: State): Promise<Done> {
    const floor = await readFloor(store);
    if (!floor.ok) return err(failure("antiRollback", explainStore(floor.error)));
    const below = belowFloor(state, floor.value);
    if (below.length === 0) return ok(undefined);
    const parts = below.map(
      (part) => `${part.part} has version ${part.version ?? "none"}, at least ${part.floor} is wanted`,
    );
    return err(failure("antiRollback", `Too old: ${parts.join("; ")}`));
  }

  async function raiseFloor(rev: RevisionName): Promise<Result<void, string>> {
    // It was accepted when it came, and is committed: a certificate that ended in its trial must not let old releases back in.
    const state = await readRevision(store, rev, () => ok(undefined));
    if (!state.ok) return err(state.error.message);
    const floor = await readFloor(store);
    if (!floor.ok) return err(explainStore(floor.error));
    const raised = raisedFloor(floor.value, state.value);
    const isSame =
      raised.size === floor.value.size && [...raised].every(([part, version]) => floor.value.get(part) === version);
    const written = isSame ? ok(undefined) : await writeFloor(store, raised);
    return written.ok ? written : err(explainStore(written.error));
  }

  async function check({ rev, wish, origin }: Candidate): Promise<Done> {
    const loaded = await load(rev);
    if (!loaded.ok) return loaded;
    const { state, transition: way } = loaded.value;
    const allowed = await aboveFloor(state);
    if (!allowed.ok) return allowed;
    const starts = bootable(state, way, wish);
    // A hub's objects say how long they are when they come.
    return starts.ok && origin === "local" ? hasRoom(rev, state) : starts;
  }

  const settle = () => store.disk.settle("update/settle", store.root);

  /** Every byte that will be used, read from the disk again. */
  async function whole(rev: RevisionName, state: State): Promise<Done> {
    const hashes = newHashCache();
    const { problems } = await validate(store, rev, state, { trustVerity: world.useVerity, hashes });
    const all = problems.length > 0 ? problems : await validateBootFiles(store, rev, state, hashes);
    return all.length === 0 ? ok(undefined) : err(failure("badObject", all.map(explainProblem).join("; ")));
  }

  async function install({ rev, origin }: Candidate): Promise<Result<How, Failure>> {
    const loaded = await load(rev);
    if (!loaded.ok) return loaded;
    const { state, transition: way } = loaded.value;
    const room = origin === "hub" ? await hasRoom(rev, state) : ok(undefined);
    if (!room.ok) return room;
    const before = await loader.read();
    if (!before.ok) return err(failure("loaderFailed", explainLoader(before.error)));
    const committed = before.value.committed ?? factory;
    const installed = await installRevision(store, rev, state, committed === rev ? {} : { previous: committed });
    if (!installed.ok) return err(fromStore(installed.error));
    const good = await whole(rev, state);
    if (!good.ok) return good;
    // The loader reads the file system without its journal: what it will start has to have left it.
    const settled = await settle();
    if (!settled.ok) return err(fromStore(settled.error));
    const given = await loader.install(rev, state);
    if (!given.ok) return err(failure("loaderFailed", explainLoader(given.error)));
    return ok(way.kind);
  }

  const byLoader = async (call: ReturnType<Loader["arm"]>): Promise<Done> => {
    const done = await call;
    return done.ok ? done : err(failure("loaderFailed", explainLoader(done.error)));
  };

  async function disarm(): Promise<void> {
    const now = await loader.read();
    if (now.ok && now.value.trial === null) return; // a write costs a pause of the whole storage
    const done = await byLoader(loader.disarm());
    if (!done.ok) log.error(`the trial stays in the boot loader's variables: ${done.error.message}`);
  }

  async function commit(rev: RevisionName, retries: number): Promise<Done> {
    const done = await byLoader(loader.commit(rev));
    if (!done.ok) {
      // The write may have come through all the same, and then there is no way back. It has when it is also where the loader reads.
      const home = await settle();
      const now = await loader.read();
      if (!home.ok || !now.ok || now.value.committed !== rev || now.value.trial !== null) return done;
    }
    const raised = await raiseFloor(rev);
    if (!raised.ok) log.error(`what may not come back after revision ${rev} is not noted: ${raised.error}`);
    const marked = await markDone(store, rev);
    const message = "Update finished, revision set as rollback point";
    log.info(`revision ${rev}: DONE: ${message}`);
    const recorded = marked.ok ? await writeProgress(store, rev, progressRecord("DONE", message, { retries })) : marked;
    if (!recorded.ok)
      log.error(`revision ${rev} is committed, its record is not written: ${explainStore(recorded.error)}`);
    const cleared = await clearBoots(store, rev);
    if (!cleared.ok) log.warn(explainStore(cleared.error));
    return ok(undefined);
  }

  async function evidence(rev: RevisionName, { reason, message, container, exit }: Failure): Promise<Evidence> {
    const variables = await loader.read();
    const { committed, trial } = variables.ok ? variables.value : { committed: null, trial: null };
    return {
      reason,
      message,
      ...(container === null ? {} : { container }),
      ...(exit === null ? {} : { exit }),
      loader: { committed, trial, booted: world.booted },
      at: world.wallMs(),
      lines: world.lastLines(rev, container),
    };
  }

  async function record({ rev, status, message, retries, failure: why }: Parameters<UpdateWork["record"]>[0]) {
    const text = why === null ? message : `${message}: ${why.message}`;
    log.info(`revision ${rev}: ${status}: ${text}`);
    const known = await readState(store, rev);
    if (!known.ok) return log.warn(`revision ${rev}: ${status} is not recorded: ${explainStore(known.error)}`);
    const found = why === null ? null : await evidence(rev, why);
    const told = progressRecord(status, message, { retries, evidence: found });
    let written = await writeProgress(store, rev, told);
    // A verdict is acted on next: one that a passing error kept from being durable would come undone by a power cut.
    for (let left = verdictTries - 1; left > 0 && why !== null && !written.ok; left--) {
      written = await writeProgress(store, rev, told);
    }
    if (!written.ok) log.error(`revision ${rev}: ${status} is not recorded: ${explainStore(written.error)}`);
  }

  /** What depends on revisions now; not what only garbage collection keeps. */
  async function uses(): Promise<Result<RevisionsInUse, string>> {
    const home = await settle(); // after a write that failed halfway the loader may read something else than we do
    if (!home.ok) return err(explainStore(home.error));
    const variables = await loader.read();
    if (!variables.ok) return err(`the boot loader cannot be asked: ${explainLoader(variables.error)}`);
    const { committed, trial } = variables.value;
    return ok({ running: world.running().name, committed, trial, active: null, previous: null, keepFactory: false });
  }

  function revisionsOf(use: RevisionsInUse): ReadonlySet<RevisionName> {
    const revisions = new Set<RevisionName>(protectedRevisions(use).keys());
    for (const rev of world.revisionsInUse()) revisions.add(rev as RevisionName);
    return revisions.add(world.booted); // the base system runs from there
  }

  async function collect(active: RevisionName | null): Promise<Result<number, string>> {
    const use = await uses();
    if (!use.ok) return err(`nothing is removed while ${use.error}`);
    const previous = await readPrevious(store, use.value.committed ?? factory);
    if (!previous.ok) return err(explainStore(previous.error));
    const { keepFactory } = world;
    const keep = revisionsOf({ ...use.value, active, previous: previous.value, keepFactory });
    const done = await collectGarbage(store, { keep, keepObjects: new Set(), keepStorageOf: keep });
    if (!done.ok) return err(explainStore(done.error));
    for (const problem of done.value.problems) log.warn(`garbage collection: ${explainStore(problem)}`);
    const { reclaimedBytes, revisions, objects } = done.value;
    log.info(`garbage collection: ${revisions.length} revisions, ${objects} objects, ${reclaimedBytes} bytes`);
    return ok(reclaimedBytes);
  }

  async function makeRoom(): Promise<void> {
    if (world.collectBelowPercent === 0) return;
    const space = await storageSpace(store, world.reservedPercent);
    if (!space.ok) return log.warn(explainStore(space.error));
    const { realFreeBytes, totalBytes } = space.value;
    if (realFreeBytes * 100 >= totalBytes * world.collectBelowPercent) return;
    const done = await collect(null);
    if (!done.ok) log.warn(`garbage collection: ${done.error}`);
  }

  const noted = async (what: string, done: Promise<Result<unknown, StoreError>>): Promise<void> => {
    const result = await done;
    if (!result.ok) log.error(`${what}: ${explainStore(result.error)}`);
  };

  return {
    check,
    install,
    load,
    disarm,
    commit,
    record,
    collect,
    async inUse() {
      const use = await uses();
      return use.ok ? ok(revisionsOf(use.value)) : use;
    },
    arm: (rev) => byLoader(loader.arm(rev)),
    async goBack(to) {
      const done = await byLoader(loader.commit(to));
      if (done.ok) log.warn(`revision ${to} is committed in the place of one that keeps crashing`);
      else log.error(`the boot loader cannot be sent back to revision ${to}: ${done.error.message}`);
    },
    countBoot: (rev) => noted("this boot is not counted", countBoot(store, rev)),
    async well(rev) {
      await noted("the boots stay counted", clearBoots(store, rev));
      await makeRoom();
    },
  };
}
