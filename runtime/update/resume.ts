import type { RevisionName } from "../state/index.ts";
import type { Candidate, Effect, Update, UpdateLimits } from "./model.ts";
import { failure, failureMessage } from "./reason.ts";
import { leave, record, tryIt } from "./step.ts";

/** What a boot finds (reference 4.6). A status is a record's, null when there is none that says anything. */
export interface BootFacts {
  /** The revision that the boot loader has started. */
  readonly booted: RevisionName;
  /** Of its record. */
  readonly bootedStatus: string | null;
  /** The loader's variables; a committed revision of null is the factory's. */
  readonly committed: RevisionName;
  readonly trial: RevisionName | null;
  readonly trialStatus: string | null;
  /** Of the committed revision's record. */
  readonly committedStatus: string | null;
  readonly retries: number;
  readonly origin: "local" | "hub";
  /** Boots of the booted revision since it last was well, without this one. */
  readonly boots: number;
  /** What could be gone back to if the committed revision keeps crashing: whole, and committed once. */
  readonly previous: RevisionName | null;
  /** Other revisions whose records say that they are being brought in or tried, and that nothing takes up again. */
  readonly interrupted: readonly Pick<Candidate, "rev" | "retries">[];
}

/**
 * So many boots of the committed revision in a row may end before it is well; the next one goes back to the revision before it or, where
 * there is none, starts only what carries the link.
 */
export const bootsMax = 4;

const isGood = (status: string | null): boolean => status === "DONE" || status === "UPDATED";
const isVerdict = (status: string | null): boolean => status === "ERROR" || status === "WONTGO";

/**
 * Decides what this boot is: the table of reference 4.6, row by row, then whether the committed revision keeps crashing. The effects are
 * done before anything of the revision starts.
 */
export function resume(facts: BootFacts, limits: UpdateLimits, atMs: number): readonly [Update, readonly Effect[]] {
  const [update, effects] = resumeBooted(facts, limits, atMs);
  const why = failure("aborted", "the device went down before it could be tried");
  const over = facts.interrupted.map((each) => record(each, "ERROR", failureMessage(why), why));
  return [update, [...over, ...effects]];
}

function resumeBooted(facts: BootFacts, limits: UpdateLimits, atMs: number): readonly [Update, readonly Effect[]] {
  const { booted, committed, trial, trialStatus, committedStatus, retries, origin } = facts;
  const at = (safe: boolean): Update => ({
    running: booted,
    before: null,
    safe,
    limits,
    phase: { at: "idle", wellAtMs: null },
  });

  if (trial !== null && trial === booted && trial !== committed && trialStatus !== "DONE") {
    if (isVerdict(trialStatus)) return leave(at(false), `revision ${booted} has failed before`, atMs);
    const candidate = { rev: booted, origin, wish: "run" as const, retries };
    const [update, effects] = tryIt(at(false), candidate, "reboot", atMs);
    return [update, [record(candidate, "INPROGRESS", "Trying new revision"), ...effects]];
  }

  const effects: Effect[] = [];
  if (trial !== null) {
    if (trial !== booted && trial !== committed && !isVerdict(trialStatus) && trialStatus !== "DONE") {
      const why = failure("unexpectedReboot", `the boot loader went back from revision ${trial} to ${booted}`);
      effects.push(record({ rev: trial, retries }, "ERROR", "Unexpected rollback", why));
    }
    // A commit that a power cut caught between its record and the loader: the loader's word counts, and it may say so again.
    if (trial === booted && trialStatus === "DONE" && trial !== committed) {
      effects.push({ kind: "commit", rev: trial, retries });
    } else effects.push({ kind: "disarm" });
  }
  // Cut off between the loader's commit and the record of it, or asked for again when it was committed already. The loader may have
  // read what was there before: then another one runs once more, and the commit counts all the same.
  const finished = isGood(committedStatus) || isVerdict(committedStatus);
  if (!finished && (trial !== booted || trial === committed)) effects.push({ kind: "commit", rev: committed, retries });
  if (booted !== committed) {
    // It may have started what has failed: the verdict was in the journal, which it does not read, and is at home now.
    if (isGood(facts.bootedStatus) || facts.boots >= bootsMax) return [at(false), effects];
    const [update, rebooting] = leave(at(false), `revision ${booted} was started, and ${committed} is committed`, atMs);
    return [update, [...effects, { kind: "countBoot", rev: booted }, ...rebooting]];
  }

  if (facts.boots < bootsMax) return [at(false), [...effects, { kind: "countBoot", rev: booted }]];
  if (facts.previous === null || facts.previous === booted) return [at(true), effects];
  const why = failure("crashLoop", `${facts.boots} boots in a row ended before revision ${booted} was well`);
  const [update, rebooting] = leave(at(false), why.message, atMs);
  return [
    update,
    [
      ...effects,
      record({ rev: booted, retries }, "ERROR", why.message, why),
      { kind: "goBack", to: facts.previous },
      ...rebooting,
    ],
  ];
}
