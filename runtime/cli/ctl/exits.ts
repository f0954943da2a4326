import { EXIT_USAGE } from "../command.ts";

/** Exit codes of the original's client (reference 8.10). */
export const EXIT = {
  done: 0,
  failed: 1,
  noSpace: 48,
  badChecksum: 60,
  badState: 70,
  busy: 75,
  other: 255,
} as const;

/** What an answer's status means to a script; `kind` is what was asked about, as 422 says "bad bytes" of an object and "bad state" of a step. */
export function exitOf(status: number, kind: "object" | "other" = "other"): number {
  switch (status) {
    case 200:
      return EXIT.done;
    case 422:
      return kind === "object" ? EXIT.badChecksum : EXIT.badState;
    case 503:
      return EXIT.busy;
    case 507:
      return EXIT.noSpace;
    default:
      return EXIT.other;
  }
}

/** For the help of every command that asks the device. */
export const exits: Readonly<Record<number, string>> = {
  [EXIT.done]: "done",
  [EXIT_USAGE]: "wrong arguments",
  [EXIT.busy]: "the device is busy: try again",
  [EXIT.other]: "refused, or no answer",
};

export const uploadExits: Readonly<Record<number, string>> = {
  ...exits,
  [EXIT.noSpace]: "the device has no space for it",
  [EXIT.badChecksum]: "an object's bytes are not those of its SHA-256",
  [EXIT.badState]: "the device refuses the state",
};
