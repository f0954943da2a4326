/**
 * Supervision: decides what of a revision to start, stop and recover, and when (reference 2.8, 3, 4.1, 8.2).
 *
 * Pure: `step` takes what is known and what happened, and gives what is known now and what is to be done. The
 * interpreter carries out effects in order, reports what came of them as events, and sends `tick` at `nextDeadline`;
 * when that is null nothing is due and it may sleep for ever. The whole model, with the table of phases and events,
 * opens `model.ts`.
 */
export type {
  Effect,
  GoalResult,
  GroupGoal,
  Member,
  MemberEvent,
  MemberGoal,
  Plan,
  PlannedGroup,
  ProcessEnd,
  RequestAction,
  RunEnd,
  Status,
  Supervision,
  SupervisionEvent,
} from "./model.ts";
export { type PlanConfig, type PlanPart, plan } from "./plan.ts";
export {
  allGoals,
  awaitingStability,
  type ContainerView,
  containerView,
  expectsReady,
  explainRefusal,
  groupStatus,
  nextDeadline,
  type RecoveryView,
  type RequestRefusal,
  requestRefusal,
  stateStatus,
} from "./queries.ts";
export { step, supervision } from "./step.ts";
