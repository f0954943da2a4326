/** Beside the system, not in it: knows from outside what was promised, and says when it does not hold. */
import type { Loader, LoaderResult } from "../../runtime/loader/index.ts";
import { factory, type RevisionName } from "../../runtime/state/index.ts";
import { decodeProgress } from "../../runtime/store/index.ts";
import {
  type Choice,
  environmentPath,
  type LoaderKind,
  type LoaderVariables,
  type Start,
  variablesIn,
} from "./boot-loader.ts";
import type { SimulatedDisk } from "./disk.ts";
import { type Release, ROOT, releaseOf } from "./releases.ts";

/** What a campaign has seen, by name: one that never saw a rollback proves nothing about rollbacks. */
export type Sightings = Map<string, number>;

const key = ({ committed, trial }: LoaderVariables): string =>
  `committed ${committed || "0"}, trial ${trial || "none"}`;

const same = (a: Uint8Array | null | undefined, b: Uint8Array | null | undefined): boolean =>
  a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;

const isVerdict = (status: string): boolean => status === "ERROR" || status === "WONTGO";

export class Oracle {
  readonly #storage: SimulatedDisk;
  readonly #kind: LoaderKind;
  readonly #sightings: Sightings;
  /** What the loader's environment may say. */
  #allowed: ReadonlySet<string>;
  /** Writes of it that have begun and not ended. */
  readonly #pending = new Set<{ readonly say: (now: LoaderVariables) => LoaderVariables }>();
  /** Texts of states that a boot loader had committed, by revision. */
  readonly #committed = new Map<string, Set<string>>();
  /** Whole when they were last looked at, and not to be removed by anybody as long as the loader says the same. */
  #kept: { readonly said: string; readonly revisions: ReadonlySet<string> } | null = null;
  /** Verdicts, and whether somebody has asked for the revision again since. */
  readonly #verdicts = new Map<string, string>();
  /** Asked for in this boot; their records say so when it is their turn. */
  readonly #asked = new Set<string>();
  #factoryMayGo = false;

  constructor(storage: SimulatedDisk, kind: LoaderKind, sightings: Sightings) {
    this.#storage = storage;
    this.#kind = kind;
    this.#sightings = sightings;
    const now = this.environment();
    this.#allowed = new Set([key(now)]);
    this.#noteCommitted(now.committed);
  }

  saw(what: string): void {
    this.#sightings.set(what, (this.#sightings.get(what) ?? 0) + 1);
  }

  /** The first violation. It is also found here, for who is called by the runtime can only throw into the runtime's own hands. */
  violation: Error | null = null;

  note(what: string): void {
    this.violation ??= new Error(what);
  }

  violated(what: string): never {
    this.note(what);
    throw this.violation;
  }

  /** What the runtime finds; the loader may find an older one until the disk is mounted. */
  environment(): LoaderVariables {
    const path = environmentPath(this.#kind);
    const found = variablesIn(this.#kind, this.#storage.peek(path));
    if (found === null && this.#storage.peek(path) !== null) this.note("the environment cannot be read");
    return found === null ? { committed: "0", trial: "" } : { ...found, committed: found.committed || "0" };
  }

  release(rev: string): Release | null {
    return releaseOf(this.#storage.peek(`${ROOT}/trails/${rev}/.pvr/json`));
  }

  status(rev: string): string | null {
    const bytes = this.#storage.peek(`${ROOT}/trails/${rev}/.pv/progress`);
    if (bytes === null) return null;
    const progress = decodeProgress(rev as RevisionName, bytes);
    return progress.ok ? progress.value.status : this.violated(`the record of ${rev} cannot be read`);
  }

  /** Why a revision is not whole; null: it is. */
  fault(rev: string): string | null {
    const release = this.release(rev);
    if (release === null) return `${rev} has no state`;
    for (const [file, bytes] of release.files) {
      const found = this.#storage.peek(`${ROOT}/trails/${rev}/${file}`);
      if (!same(found, bytes)) return `${file} of ${rev} ${found === null ? "is missing" : "has wrong bytes"}`;
    }
    return null;
  }

  wasCommitted(rev: string): boolean {
    const release = this.release(rev);
    return release !== null && (this.#committed.get(rev)?.has(release.text) ?? false);
  }

  #noteCommitted(rev: string): void {
    const release = this.release(rev);
    if (release === null) return;
    this.#committed.set(rev, (this.#committed.get(rev) ?? new Set()).add(release.text));
  }

  /** The boot loader has chosen; the disk is not mounted yet. */
  started({ variables, wanted, start }: Choice): Start {
    if (!this.#allowed.has(key(variables)))
      this.violated(`the loader reads ${key(variables)}, may read ${[...this.#allowed].join(" or ")}`);
    if (start === null) this.violated("the boot loader finds nothing that it can start");
    const release = this.release(start.rev);
    if (!same(start.kernel, release?.files.get("bsp/kernel")))
      this.violated(`the kernel of ${start.rev} is not its own`);
    if (!same(start.initrd, release?.files.get("bsp/initrd.cpio")))
      this.violated(`the initrd of ${start.rev} is not its own`);
    if (start.rev !== wanted) this.violated(`the boot loader wants ${wanted} and can only start ${start.rev}`);
    const fault = this.fault(variables.committed);
    if (fault !== null) this.violated(`committed, and not whole: ${fault}`);
    if (start.rev === variables.trial && start.rev !== variables.committed) {
      this.saw("trial by boot");
      const lacks = this.fault(start.rev);
      if (lacks !== null) this.violated(`on trial, and not whole: ${lacks}`);
    }
    return start;
  }

  /** The disk is mounted: what the journal had is at home, and what was under way is over. */
  mounted(): void {
    this.#pending.clear();
    this.#asked.clear();
    const now = this.environment();
    if (!this.#allowed.has(key(now)))
      this.violated(`the environment says ${key(now)}, may say ${[...this.#allowed].join(" or ")}`);
    this.#allowed = new Set([key(now)]);
    this.look();
  }

  /** Everything that must hold at any time a calm observer looks. */
  look(): void {
    const now = this.environment();
    this.#noteCommitted(now.committed);
    this.#lookAtKept(now);
    for (const rev of this.revisions()) this.#lookAtRecord(rev);
  }

  revisions(): readonly string[] {
    return ["0", "1", "2", "3", ...["a", "b", "c", "last"].map((name) => `locals/${name}`)];
  }

  #lookAtKept(now: LoaderVariables): void {
    const said = now.committed;
    if (this.#kept?.said === said) {
      for (const rev of this.#kept.revisions) {
        const fault = rev === factory && this.#factoryMayGo ? null : this.fault(rev);
        if (fault !== null) this.violated(`could be gone back to from ${said}, and is lost: ${fault}`);
      }
    }
    const noted = this.#storage.peek(`${ROOT}/trails/${said}/.pv/previous`);
    const previous = noted === null ? null : new TextDecoder().decode(noted).trim();
    const kept = previous !== null && this.wasCommitted(previous) && this.fault(previous) === null ? [previous] : [];
    this.#kept = { said, revisions: new Set([said, ...kept]) };
    if (said !== factory && this.#storage.peek(`${ROOT}/trails/0/.pvr/json`) === null && !this.#factoryMayGo)
      this.violated("the factory revision is lost");
  }

  #lookAtRecord(rev: string): void {
    const status = this.status(rev);
    const before = this.#verdicts.get(rev);
    if (status === null) return;
    if (status === "DONE" && !this.wasCommitted(rev)) this.violated(`${rev} is DONE and was never committed`);
    if (before !== undefined && !isVerdict(status)) this.violated(`${rev} was ${before} and is ${status} by itself`);
    if (!isVerdict(status)) this.#asked.delete(rev);
    else if (!this.#asked.has(rev)) {
      if (before === undefined) this.saw(status);
      this.#verdicts.set(rev, status);
    }
  }

  /** Somebody asks for the revision, or stores it: from now on it may be anything again. */
  askedFor(rev: string): void {
    this.#verdicts.delete(rev);
    this.#asked.add(rev);
  }

  /** Somebody makes another factory revision. */
  remakesFactory(): void {
    this.#factoryMayGo = true;
    this.askedFor(factory);
  }

  /** A container's files are about to be used. */
  runs(rev: string, container: string): void {
    const release = this.release(rev);
    for (const [file, bytes] of release?.files ?? []) {
      if (!file.startsWith(`${container}/`)) continue;
      if (!same(this.#storage.peek(`${ROOT}/trails/${rev}/${file}`), bytes))
        this.note(`${file} of ${rev} runs and has wrong bytes`);
    }
    if (release === null) this.note(`${rev} runs and has no state`);
  }

  /** A driver whose writes are noted: what was acknowledged is what the loader must say; what was not, it may. */
  watched(loader: Loader): Loader {
    const write = async (
      say: (now: LoaderVariables) => LoaderVariables,
      done: () => LoaderResult<void>,
    ): LoaderResult<void> => {
      const intent = { say };
      this.#pending.add(intent);
      this.#widen();
      const result = await done();
      this.#pending.delete(intent);
      if (!result.ok) return result;
      const now = this.environment();
      if (key(say(now)) !== key(now)) this.note(`acknowledged, and the environment says ${key(now)}`);
      this.#allowed = new Set([key(now)]);
      this.#noteCommitted(now.committed);
      this.#widen();
      return result;
    };
    return {
      ...loader,
      arm: (rev) =>
        write(
          ({ committed }) => ({ committed, trial: rev }),
          () => loader.arm(rev),
        ),
      commit: (rev) => {
        const { committed, trial } = this.environment();
        this.saw(rev === trial || rev === committed ? "commit" : "gone back");
        return write(
          () => ({ committed: rev, trial: "" }),
          () => loader.commit(rev),
        );
      },
      disarm: () =>
        write(
          ({ committed }) => ({ committed, trial: "" }),
          () => loader.disarm(),
        ),
    };
  }

  /** What is being written may come through, on top of whatever is there. */
  #widen(): void {
    const allowed = new Map([...this.#allowed].map((said) => [said, parsed(said)]));
    for (let size = -1; size !== allowed.size; ) {
      size = allowed.size;
      for (const now of [...allowed.values()]) {
        for (const { say } of this.#pending) allowed.set(key(say(now)), say(now));
      }
    }
    this.#allowed = new Set(allowed.keys());
  }
}

function parsed(said: string): LoaderVariables {
  const [, committed = "0", trial = "none"] = /^committed (.*), trial (.*)$/.exec(said) ?? [];
  return { committed, trial: trial === "none" ? "" : trial };
}
