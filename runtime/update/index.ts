/**
 * The life of a revision: what is to be done with one that is offered, and what a boot is (design, section 6). Pure: `step` takes what
 * is known and what happened and gives what is known now and what is to be done; the whole model opens `model.ts`.
 */
export type {
  Candidate,
  Effect,
  How,
  Origin,
  Outcome,
  Phase,
  Update,
  UpdateEvent,
  UpdateLimits,
  Wish,
  WrittenStatus,
} from "./model.ts";
export { type Failure, failure, failureMessage, type ReasonCode, reasonCodes } from "./reason.ts";
export { type BootFacts, bootsMax, resume } from "./resume.ts";
export { candidateOf, deadline, step } from "./step.ts";
