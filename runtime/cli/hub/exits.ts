import { EXIT_USAGE } from "../command.ts";

export const EXIT = { done: 0, failed: 1 } as const;

export const exits: Readonly<Record<number, string>> = {
  [EXIT.done]: "done",
  [EXIT.failed]: "not done; stderr says why",
  [EXIT_USAGE]: "wrong arguments",
};
