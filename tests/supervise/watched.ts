import type { Member, Status } from "../../runtime/supervise/index.ts";

/** What the rules need to know of one container. */
export interface Watched {
  member: Member;
  status: Status;
  unanswered: "mount" | "start" | "release" | null;
  alive: boolean;
  /** Mounted, or tried to, and not released since. */
  dirty: boolean;
  /** Its run is over: the next work must be a release. */
  over: boolean;
  saidReady: boolean;
  userStopped: boolean;
  /** When somebody wished it down, and whether it was killed for it. */
  wishedDownAtMs: number | null;
  killed: boolean;
  hasGoal: boolean;
  /** When a run with the goal becomes stable, until that is told. */
  stableAtMs: number | null;
  /** Since when its time without the goal counts. */
  withoutGoalSinceMs: number | null;
  retries: number;
  startedAtMs: number;
  /** The pause that its last end was given, and when it is over. */
  pauseMs: number;
  notBeforeMs: number;
  /** Ended by itself and left down. */
  left: boolean;
}

/** Nothing happened to it yet. */
export const fresh = (member: Member): Watched => ({
  member,
  status: "NONE",
  unanswered: null,
  alive: false,
  dirty: false,
  over: false,
  saidReady: false,
  userStopped: false,
  wishedDownAtMs: null,
  killed: false,
  hasGoal: false,
  stableAtMs: null,
  withoutGoalSinceMs: null,
  retries: 0,
  startedAtMs: 0,
  pauseMs: 0,
  notBeforeMs: 0,
  left: false,
});
