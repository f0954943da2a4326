/**
 * The life of a revision on a device, as types: offered, checked, fetched, installed, tried, committed or taken back (design, section
 * 6; reference 3.4, 3.5, 4.4 to 4.8). Plain immutable data; `step.ts` decides, `resume.ts` decides what a boot is.
 *
 * ## The model
 * | phase         | what is going on                                          | waits for            | when its time is over        |
 * |---------------|-----------------------------------------------------------|----------------------|------------------------------|
 * | `idle`        | the committed revision runs                               | an offer             | it is well: boots are forgotten |
 * | `checking`    | state, signatures, floor, room: nothing is written        | checked              | WONTGO                       |
 * | `fetching`    | missing objects come from the source                      | fetched              | ERROR                        |
 * | `installing`  | trail made, every byte on the disk checked again, settled | installed            | ERROR                        |
 * | `arming`      | the boot loader learns of the trial                       | armed                | ERROR, disarmed              |
 * | `leaving`     | the device goes down, the loader decides                  | nothing              | forced                       |
 * | `swapping`    | what changed is exchanged without a reboot                | swapped              | ERROR, reboot                |
 * | `trying`      | on trial: containers on their way to their goals          | goals                | ERROR, back                  |
 * | `testing`     | on trial: goals reached, nothing may fail for a while     | time                 | `stabilizing`                |
 * | `stabilizing` | on trial: some container is not stable yet; then the hub was not heard yet | stable, contact | ERROR, back |
 * | `committing`  | the boot loader learns of the new committed revision      | committed            | ERROR, back                  |
 * | `failing`     | the verdict is being recorded, before anything is done    | recorded             | reboot                       |
 * | `returning`   | a failed swap is taken back without a reboot              | returned, goals      | reboot                       |
 *
 * "Back" is a reboot for a trial that began with one: the loader falls back by itself, and the boot that follows disarms it. A swap is
 * taken back by a swap; when that fails too, by a reboot. Both kinds of trial are armed in the loader, so that a power cut in a swap's
 * trial leads to one more trial by boot. Both end in a commit: a swap's revision is a rollback point at once.
 *
 * An answer that comes late, for another revision or in another phase, changes nothing.
 */
import type { RevisionName } from "../state/index.ts";
import type { Failure } from "./reason.ts";

/** Where the revision came from. A hub's is tried only as long as the hub can be reached. */
export type Origin = "local" | "hub";
/** `reboot`: a swap would do, but whoever asks wants a boot (`LOCAL_RUN_COMMIT`). */
export type Wish = "run" | "reboot";
/** How a trial begins. */
export type How = "reboot" | "swap";

export interface Candidate {
  readonly rev: RevisionName;
  readonly origin: Origin;
  readonly wish: Wish;
  /** Attempts so far, as the record counts them: 0 for a local revision's first. */
  readonly retries: number;
}

export type Phase =
  /** `wellAtMs`: when the running revision counts as well; null: not before its goals, or it did already. */
  | { readonly at: "idle"; readonly wellAtMs: number | null }
  | { readonly at: "checking"; readonly candidate: Candidate; readonly untilMs: number }
  | { readonly at: "fetching"; readonly candidate: Candidate; readonly untilMs: number }
  | { readonly at: "installing"; readonly candidate: Candidate; readonly untilMs: number }
  | { readonly at: "arming"; readonly candidate: Candidate; readonly how: How; readonly untilMs: number }
  | { readonly at: "leaving"; readonly why: string; readonly trial: boolean; readonly untilMs: number }
  | { readonly at: "swapping"; readonly candidate: Candidate; readonly untilMs: number }
  | ({ readonly at: "trying"; readonly untilMs: number } & Trial)
  | ({ readonly at: "testing"; readonly commitAtMs: number } & Trial)
  /** `stable`: only the hub, which asked for the revision, has not been heard from it yet. */
  | ({ readonly at: "stabilizing"; readonly stable: boolean; readonly untilMs: number } & Trial)
  | ({ readonly at: "committing"; readonly untilMs: number } & Trial)
  | {
      readonly at: "failing";
      readonly candidate: Candidate;
      readonly failure: Failure;
      /** Null: it never ran, so there is nothing to go back from. */
      readonly how: How | null;
      readonly untilMs: number;
    }
  | { readonly at: "returning"; readonly candidate: Candidate; readonly returned: boolean; readonly untilMs: number };

export interface Trial {
  readonly candidate: Candidate;
  readonly how: How;
}

/** Durations in milliseconds. */
export interface UpdateLimits {
  /** `PV_UPDATER_COMMIT_DELAY`. */
  readonly commitDelayMs: number;
  /** From the begin of a trial until its goals at the latest; above what the groups' own timeouts add up to. */
  readonly goalsMs: number;
  /** `PH_UPDATER_NETWORK_TIMEOUT`: from then on when everything else of a trial is good. */
  readonly contactMs: number;
  /** `PV_REVISION_RETRIES`; 0: no limit. */
  readonly retriesMax: number;
}

/** Until each kind of work is given up. Longer than it takes on the slowest card; what is over is a failure, never a standstill. */
export const workMs = {
  checking: 5 * 60_000,
  fetching: 7 * 24 * 3600_000,
  installing: 30 * 60_000,
  arming: 2 * 60_000,
  swapping: 5 * 60_000,
  committing: 2 * 60_000,
  asking: 60_000,
  failing: 60_000,
  leaving: 60_000,
} as const;

export interface Update {
  readonly running: RevisionName;
  /** What ran before the last swap; null: nothing was swapped since the boot. */
  readonly before: RevisionName | null;
  /** After too many crashes only what carries the link was started; nothing reboots the device by itself. */
  readonly safe: boolean;
  readonly limits: UpdateLimits;
  readonly phase: Phase;
}

/** What work came to. */
export type Outcome = { readonly ok: true } | { readonly ok: false; readonly failure: Failure };

/** `atMs`: monotonic milliseconds. */
export type UpdateEvent = { readonly atMs: number } & (
  | { readonly kind: "offer"; readonly candidate: Candidate }
  | {
      readonly kind: "checked" | "fetched" | "armed" | "swapped" | "committed" | "returned";
      readonly rev: RevisionName;
      readonly outcome: Outcome;
    }
  | { readonly kind: "installed"; readonly rev: RevisionName; readonly how: How; readonly outcome: Outcome }
  | { readonly kind: "recorded"; readonly rev: RevisionName }
  /** Where the running revision stands with its goals (`supervise/`). */
  | { readonly kind: "goals"; readonly result: "pending" | "reached" | "missed"; readonly missing: readonly string[] }
  /** A container ended and is not recovered, or was given up. `fatal`: outside a trial the device reboots for it. */
  | { readonly kind: "containerFailed"; readonly failure: Failure; readonly fatal: boolean }
  /**
   * Answers `askStable`, and comes by itself when the last container has become stable. `withinMs`: how long those of the revision
   * that runs now may take, recoveries included; it may have other containers than the one that was booted.
   */
  | { readonly kind: "stable"; readonly stable: boolean; readonly withinMs: number }
  /** The hub answered, or did not. */
  | { readonly kind: "contact" }
  /** The base system's own files turned out to be damaged. */
  | { readonly kind: "damaged"; readonly failure: Failure }
  | { readonly kind: "tick" }
);

export type WrittenStatus =
  | "NEW"
  | "QUEUED"
  | "DOWNLOADING"
  | "INPROGRESS"
  | "TESTING"
  | "UPDATED"
  | "DONE"
  | "WONTGO"
  | "ERROR";

/**
 * What is to be done, one after the other. Work (`check` to `swapBack`) is answered by an event, whatever comes of it; `record` of a
 * verdict is answered by `recorded` once it is durable.
 */
export type Effect =
  | { readonly kind: "check"; readonly candidate: Candidate }
  | { readonly kind: "fetch"; readonly candidate: Candidate }
  | { readonly kind: "install"; readonly candidate: Candidate }
  | { readonly kind: "arm"; readonly rev: RevisionName }
  /** Take the loader's trial back; a failure is logged and tried again at the next boot. */
  | { readonly kind: "disarm" }
  | { readonly kind: "swap"; readonly rev: RevisionName }
  /** Answered by `goals`: supervision may have told them before the trial began. */
  | { readonly kind: "askGoals" }
  /** Answered by `stable`. */
  | { readonly kind: "askStable" }
  /** Loader, `done` marker, record, floor: in this order. */
  | { readonly kind: "commit"; readonly rev: RevisionName; readonly retries: number }
  /** Back to the revision that ran before the swap. */
  | { readonly kind: "swapBack"; readonly from: RevisionName }
  | {
      readonly kind: "record";
      readonly rev: RevisionName;
      readonly status: WrittenStatus;
      readonly message: string;
      readonly retries: number;
      /** With it the record is a verdict: evidence is added, and `recorded` answers. */
      readonly failure: Failure | null;
    }
  /** One more boot of the committed revision begins. */
  | { readonly kind: "countBoot"; readonly rev: RevisionName }
  /** The running revision is well. */
  | { readonly kind: "well"; readonly rev: RevisionName }
  /** Another revision is committed in the place of one that keeps crashing. */
  | { readonly kind: "goBack"; readonly to: RevisionName }
  /** Everything stops in order, then the machine restarts. `trial`: into the trial that was armed. `force`: it took too long. */
  | { readonly kind: "reboot"; readonly why: string; readonly trial: boolean; readonly force: boolean }
  /** Whatever work is under way: nobody waits for it any more. Comes first. */
  | { readonly kind: "abandon" };
