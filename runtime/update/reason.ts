/** Why a revision failed. Closed: who shows one has a sentence for each. */
export const reasonCodes = [
  "containerFailed",
  "goalMissed",
  "hubUnreachable",
  "hubUnstable", // the original's; ours hears the hub at the end of a trial, or not
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
export type ReasonCode = (typeof reasonCodes)[number];

/** What is known of a failure at the moment of the verdict; whoever records it adds log lines and the boot loader's state. */
export interface Failure {
  readonly reason: ReasonCode;
  /** One sentence for a person. */
  readonly message: string;
  /** The container at fault, and how its init ended; null: none is, or it did not end. */
  readonly container: string | null;
  readonly exit: { readonly code: number } | { readonly signal: string } | null;
}

export const failure = (reason: ReasonCode, message: string): Failure => ({
  reason,
  message,
  container: null,
  exit: null,
});

/** `status-msg` of the progress record, in the original's words (reference 3.5, 4.4), which fleets already know. */
export function failureMessage({ reason, message }: Failure): string {
  switch (reason) {
    case "containerFailed":
      return "A container could not be started";
    case "goalMissed":
      return "Status goal not reached";
    case "hubUnreachable":
      return "Hub not reachable";
    case "hubUnstable":
      return "Hub communication not stable";
    case "badObject":
      return "Object validation went wrong";
    case "badSignature":
      return "Signature validation failed";
    case "badState":
      return "State JSON has bad format";
    case "stateMissing":
      return "State JSON not found";
    case "unexpectedReboot":
      return "Unexpected rollback";
    case "noSpace":
    case "antiRollback":
    case "notBootable":
    case "crashLoop":
      return message;
    case "installFailed":
    case "loaderFailed":
    case "timeout":
      return "Internal error";
    case "aborted":
      return "Update aborted";
    case "badPatch":
      return "A patch gave other bytes than it should";
    case "objectMissing":
      return "The hub has not got an object";
  }
}
