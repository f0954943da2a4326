/** Words that are their places in these lists on the wire: lists are only ever appended to. */

/** What is known of the running revision, as in its progress record (`runtime/update`). */
export const updateStatuses = [
  "NEW",
  "QUEUED",
  "DOWNLOADING",
  "INPROGRESS",
  "TESTING",
  "UPDATED",
  "DONE",
  "WONTGO",
  "ERROR",
] as const;
export type UpdateStatus = (typeof updateStatuses)[number];

/** Of a container (`runtime/supervise`). */
export const containerStatuses = [
  "NONE",
  "INSTALLED",
  "BLOCKED",
  "MOUNTED",
  "STARTING",
  "STARTED",
  "READY",
  "RECOVERING",
  "STOPPING",
  "STOPPED",
] as const;
export type ContainerStatus = (typeof containerStatuses)[number];

/** Why a revision failed (`runtime/update/reason.ts`). */
export const reasons = [
  "containerFailed",
  "goalMissed",
  "hubUnreachable",
  "hubUnstable",
  "badObject",
  "badSignature",
  "badState",
  "stateMissing",
  "noSpace",
  "antiRollback",
  "installFailed",
  "loaderFailed",
  "unexpectedReboot",
  "notBootable",
  "timeout",
  "aborted",
  "crashLoop",
  "badPatch",
  "objectMissing",
] as const;
export type Reason = (typeof reasons)[number];

/** How far a desired revision has come. */
export const phases = ["queued", "downloading", "installing", "trying", "testing", "done", "error", "wontgo"] as const;
export type Phase = (typeof phases)[number];

export const operations = ["reboot", "restartContainer", "logs", "gc", "debugAccess"] as const;
export type Operation = (typeof operations)[number];

/**
 * What a command came to. `refused`: the device does not do such a thing, or not with such an argument. `failed`: it tried. `busy`:
 * something else must end first. `expired`: it came too late.
 */
export const outcomes = ["done", "refused", "failed", "busy", "expired"] as const;
export type Outcome = (typeof outcomes)[number];

/** `gone` is what the broker says of a device that it lost; `asleep`: it left by itself until its next interval. */
export const presences = ["gone", "asleep", "online"] as const;
export type Presence = (typeof presences)[number];
