import type { Effect, Plan, Supervision, SupervisionEvent } from "./model.ts";

/** Before anything happened: every container is NONE. */
export declare function supervision(plan: Plan): Supervision;
/** What is known, and what happened, give what is known now and what is to be done, in this order. Never throws for a container of
 *  the plan, whatever comes in whatever order; a name that is not in the plan breaks an invariant. */
export declare function step(
  supervision: Supervision,
  event: SupervisionEvent,
): readonly [Supervision, readonly Effect[]];
