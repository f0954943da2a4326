import { unreachable } from "../result.ts";
import type { RevisionName } from "../state/index.ts";
import {
  type Candidate,
  type Effect,
  type How,
  type Outcome,
  type Phase,
  type Trial,
  type Update,
  type UpdateEvent,
  type WrittenStatus,
  workMs,
} from "./model.ts";
import { type Failure, failure, failureMessage } from "./reason.ts";

type Stepped = readonly [Update, readonly Effect[]];

const to = (update: Update, phase: Phase, ...effects: readonly Effect[]): Stepped => [{ ...update, phase }, effects];

export const record = (
  { rev, retries }: Pick<Candidate, "rev" | "retries">,
  status: WrittenStatus,
  message: string,
  why: Failure | null = null,
): Effect => ({ kind: "record", rev, status, message, retries, failure: why });

const idle: Phase = { at: "idle", wellAtMs: null };

/** What is known, and what happened, give what is known now and what is to be done, in this order. */
export function step(update: Update, event: UpdateEvent): Stepped {
  const { phase } = update;
  switch (event.kind) {
    case "offer":
      return phase.at === "idle" ? begin(update, event.candidate, event.atMs) : [update, []];
    case "checked":
      return phase.at === "checking" && isOf(phase, event)
        ? afterCheck(update, phase.candidate, event.outcome, event.atMs)
        : [update, []];
    case "fetched":
      return phase.at === "fetching" && isOf(phase, event)
        ? event.outcome.ok
          ? install(update, phase.candidate, event.atMs)
          : fail(update, phase.candidate, null, event.outcome.failure, event.atMs)
        : [update, []];
    case "installed":
      return phase.at === "installing" && isOf(phase, event)
        ? event.outcome.ok
          ? arm(update, phase.candidate, event.how, event.atMs)
          : fail(update, phase.candidate, null, event.outcome.failure, event.atMs)
        : [update, []];
    case "armed":
      return phase.at === "arming" && isOf(phase, event)
        ? event.outcome.ok
          ? start(update, phase, event.atMs)
          : fail(update, phase.candidate, null, event.outcome.failure, event.atMs)
        : [update, []];
    case "swapped":
      return phase.at === "swapping" && isOf(phase, event)
        ? event.outcome.ok
          ? swapped(update, phase.candidate, event.atMs)
          : fail(update, phase.candidate, null, event.outcome.failure, event.atMs)
        : [update, []];
    case "committed":
      return phase.at === "committing" && isOf(phase, event)
        ? event.outcome.ok
          ? to(update, { at: "idle", wellAtMs: event.atMs })
          : fail(update, phase.candidate, phase.how, event.outcome.failure, event.atMs)
        : [update, []];
    case "recorded":
      return phase.at === "failing" && isOf(phase, event)
        ? goBack(update, phase.candidate, phase.how, event.atMs)
        : [update, []];
    case "returned":
      return phase.at === "returning" && phase.candidate.rev === event.rev
        ? event.outcome.ok
          ? to(
              { ...update, running: update.before ?? update.running },
              { ...phase, returned: true },
              { kind: "askGoals" },
            )
          : leave(update, `revision ${event.rev} could not be taken back: ${event.outcome.failure.message}`, event.atMs)
        : [update, []];
    case "goals":
      return onGoals(update, event);
    case "containerFailed":
      return onContainerFailed(update, event);
    case "stable":
      return onStable(update, event);
    case "contact":
      return onContact(update, event);
    case "damaged":
      if ("how" in phase && phase.how !== null && phase.at !== "failing" && phase.at !== "arming")
        return fail(update, phase.candidate, phase.how, event.failure, event.atMs);
      return phase.at === "idle" && !update.safe ? leave(update, event.failure.message, event.atMs) : [update, []];
    case "tick":
      return tick(update, event.atMs);
    default:
      return unreachable(event);
  }
}

const isOf = ({ candidate }: { readonly candidate: Candidate }, { rev }: { readonly rev: RevisionName }): boolean =>
  candidate.rev === rev;

function begin(update: Update, candidate: Candidate, atMs: number): Stepped {
  const { retriesMax } = update.limits;
  const checking: Phase = { at: "checking", candidate, untilMs: atMs + workMs.checking };
  if (candidate.origin === "hub" && retriesMax > 0 && candidate.retries >= retriesMax) {
    const why = failure("aborted", "Max update processing retries reached");
    return refuse({ ...update, phase: checking }, candidate, why, atMs);
  }
  const queued = record(candidate, "QUEUED", `Retried ${candidate.retries} of ${retriesMax}`);
  return to(update, checking, queued, { kind: "check", candidate });
}

/** Nothing was written but the state itself: the revision will not be tried, and nothing needs to be undone. */
function refuse(update: Update, candidate: Candidate, why: Failure, atMs: number): Stepped {
  const failing: Phase = { at: "failing", candidate, failure: why, how: null, untilMs: atMs + workMs.failing };
  const message = why.reason === "aborted" ? why.message : failureMessage(why);
  return to(update, failing, record(candidate, "WONTGO", message, why));
}

function afterCheck(update: Update, candidate: Candidate, outcome: Outcome, atMs: number): Stepped {
  if (!outcome.ok) return refuse(update, candidate, outcome.failure, atMs);
  if (candidate.origin === "local") return install(update, candidate, atMs);
  return to(
    update,
    { at: "fetching", candidate, untilMs: atMs + workMs.fetching },
    record(candidate, "DOWNLOADING", "Downloading update artifacts"),
    { kind: "fetch", candidate },
  );
}

const install = (update: Update, candidate: Candidate, atMs: number): Stepped =>
  to(update, { at: "installing", candidate, untilMs: atMs + workMs.installing }, { kind: "install", candidate });

/** The record comes first: a loader that knows of a trial without a record would call every end of it unexpected. */
function arm(update: Update, candidate: Candidate, possible: How, atMs: number): Stepped {
  const how = candidate.wish === "reboot" ? "reboot" : possible;
  const message = how === "reboot" ? "Rebooting" : "Transitioning to new revision without rebooting";
  return to(
    update,
    { at: "arming", candidate, how, untilMs: atMs + workMs.arming },
    record(candidate, "INPROGRESS", message),
    { kind: "arm", rev: candidate.rev },
  );
}

function start(update: Update, { candidate, how }: Trial, atMs: number): Stepped {
  if (how === "reboot") return leave(update, `revision ${candidate.rev} is to be tried`, atMs, true);
  return to(
    update,
    { at: "swapping", candidate, untilMs: atMs + workMs.swapping },
    { kind: "swap", rev: candidate.rev },
  );
}

function swapped(update: Update, candidate: Candidate, atMs: number): Stepped {
  const [after, effects] = tryIt(
    { ...update, running: candidate.rev, before: update.running, safe: false },
    candidate,
    "swap",
    atMs,
  );
  return [after, [...effects, { kind: "askGoals" }]];
}

/** A trial begins: containers are on their way. */
export function tryIt(update: Update, candidate: Candidate, how: How, atMs: number): Stepped {
  return to(update, { at: "trying", candidate, how, untilMs: atMs + update.limits.goalsMs });
}

function test(update: Update, { candidate, how }: Trial, atMs: number): Stepped {
  const message =
    how === "reboot" ? "Awaiting to set rollback point if update is stable" : "Awaiting to see if update is stable";
  return to(
    update,
    { at: "testing", candidate, how, commitAtMs: atMs + update.limits.commitDelayMs },
    record(candidate, "TESTING", message),
  );
}

const commit = (update: Update, { candidate, how }: Trial, atMs: number): Stepped =>
  to(
    update,
    { at: "committing", candidate, how, untilMs: atMs + workMs.committing },
    { kind: "commit", rev: candidate.rev, retries: candidate.retries },
  );

function onGoals(update: Update, event: Extract<UpdateEvent, { kind: "goals" }>): Stepped {
  const { phase } = update;
  const { result, missing, atMs } = event;
  switch (phase.at) {
    case "idle":
      // A boot goes on although a goal was missed; it counts as well when nothing else happens.
      return result === "pending" ? [update, []] : to(update, { at: "idle", wellAtMs: wellAt(update, atMs) });
    case "trying": {
      if (result === "missed") return fail(update, phase.candidate, phase.how, goalMissed(missing), atMs);
      return result === "reached" ? test(update, phase, atMs) : [update, []];
    }
    case "testing":
    case "stabilizing":
      // A container that is being recovered is pending again, and has its time for that.
      return result === "missed" ? fail(update, phase.candidate, phase.how, goalMissed(missing), atMs) : [update, []];
    case "returning":
      if (!phase.returned) return [update, []];
      if (result === "missed") return leave(update, goalMissed(missing).message, atMs);
      return result === "reached" ? to(update, { at: "idle", wellAtMs: wellAt(update, atMs) }) : [update, []];
    default:
      return [update, []];
  }
}

const wellAt = ({ limits, safe }: Update, atMs: number): number | null => (safe ? null : atMs + limits.commitDelayMs);

const goalMissed = (missing: readonly string[]): Failure => ({
  ...failure("goalMissed", `without its goal in time: ${missing.join(", ")}`),
  container: missing[0] ?? null,
});

function onContainerFailed(update: Update, event: Extract<UpdateEvent, { kind: "containerFailed" }>): Stepped {
  const { phase } = update;
  switch (phase.at) {
    case "trying":
    case "testing":
    case "stabilizing":
    case "committing":
      return fail(update, phase.candidate, phase.how, event.failure, event.atMs);
    case "returning":
      return event.fatal ? leave(update, event.failure.message, event.atMs) : [update, []];
    case "failing":
    case "leaving":
      return [update, []];
    default:
      // The committed revision's container: the device reboots for it, whatever is being prepared meanwhile.
      return event.fatal && !update.safe ? leave(update, event.failure.message, event.atMs) : [update, []];
  }
}

/** The hub comes last: what a revision does to the network shows by then, and what was heard before may have come through the old one's. */
function onStable(update: Update, { stable, withinMs, atMs }: Extract<UpdateEvent, { kind: "stable" }>): Stepped {
  const { phase, limits } = update;
  if (phase.at !== "stabilizing" || phase.stable) return [update, []];
  if (!stable) return to(update, { ...phase, untilMs: atMs + withinMs });
  if (phase.candidate.origin === "local") return commit(update, phase, atMs);
  return to(update, { ...phase, stable, untilMs: atMs + limits.contactMs });
}

function onContact(update: Update, { atMs }: Extract<UpdateEvent, { kind: "contact" }>): Stepped {
  const { phase } = update;
  return phase.at === "stabilizing" && phase.stable ? commit(update, phase, atMs) : [update, []];
}

/** The verdict is durable before anything is done about it. */
function fail(update: Update, candidate: Candidate, how: How | null, why: Failure, atMs: number): Stepped {
  const failing: Phase = { at: "failing", candidate, failure: why, how, untilMs: atMs + workMs.failing };
  return to(update, failing, record(candidate, "ERROR", failureMessage(why), why));
}

function goBack(update: Update, candidate: Candidate, how: How | null, atMs: number): Stepped {
  switch (how) {
    case null:
      return to(update, idle, { kind: "disarm" });
    case "reboot":
      return leave(update, `revision ${candidate.rev} has failed`, atMs);
    case "swap":
      return to(
        update,
        { at: "returning", candidate, returned: false, untilMs: atMs + workMs.swapping + update.limits.goalsMs },
        { kind: "disarm" },
        { kind: "swapBack", from: candidate.rev },
      );
  }
}

export const leave = (update: Update, why: string, atMs: number, trial = false): Stepped =>
  to(
    update,
    { at: "leaving", why, trial, untilMs: atMs + workMs.leaving },
    { kind: "reboot", why, trial, force: false },
  );

function tick(update: Update, atMs: number): Stepped {
  const { phase } = update;
  const dueMs = deadline(phase);
  if (dueMs === null || dueMs > atMs) return [update, []];
  const late = failure("timeout", `${phase.at} took too long`);
  const abandoned = ([after, effects]: Stepped): Stepped => [after, [{ kind: "abandon" }, ...effects]];
  switch (phase.at) {
    case "idle":
      return to(update, idle, { kind: "well", rev: update.running });
    case "checking":
      return abandoned(refuse(update, phase.candidate, late, atMs));
    case "fetching":
    case "installing":
    case "arming":
      return abandoned(fail(update, phase.candidate, null, late, atMs));
    case "swapping":
      // Nobody knows how far it came: only a boot is a clean start.
      return abandoned(fail(update, phase.candidate, "reboot", late, atMs));
    case "trying":
      return fail(update, phase.candidate, phase.how, failure("timeout", neitherGoal), atMs);
    case "testing":
      return to(
        update,
        {
          at: "stabilizing",
          candidate: phase.candidate,
          how: phase.how,
          stable: false,
          untilMs: atMs + workMs.asking,
        },
        { kind: "askStable" },
      );
    case "stabilizing":
      return fail(update, phase.candidate, phase.how, phase.stable ? unreachableHub : late, atMs);
    case "committing":
      return abandoned(fail(update, phase.candidate, "reboot", late, atMs));
    case "failing":
      return abandoned(phase.how === null ? to(update, idle) : leave(update, phase.failure.message, atMs));
    case "returning":
      return abandoned(leave(update, late.message, atMs));
    case "leaving":
      return to(
        update,
        { ...phase, untilMs: atMs + workMs.leaving },
        { kind: "abandon" },
        { kind: "reboot", why: phase.why, trial: phase.trial, force: true },
      );
  }
}

const neitherGoal = "the goals were neither reached nor missed in time";
const unreachableHub = failure("hubUnreachable", "no contact with the hub in time");

/** When `tick` has something to do; null: never, so that nothing needs to wake up. */
export function deadline(phase: Phase): number | null {
  switch (phase.at) {
    case "idle":
      return phase.wellAtMs;
    case "testing":
      return phase.commitAtMs;
    default:
      return phase.untilMs;
  }
}

/** The revision that is on its way, null when none is. */
export const candidateOf = ({ phase }: Update): Candidate | null => ("candidate" in phase ? phase.candidate : null);
