import { EXIT_USAGE } from "../command.ts";

export const EXIT = { done: 0, refused: 1, noAnswer: 3 } as const;

export const exits: Readonly<Record<number, string>> = {
  [EXIT.done]: "done",
  [EXIT.refused]: "refused by the hub; stderr says why",
  [EXIT_USAGE]: "wrong arguments, or not logged in",
  [EXIT.noAnswer]: "no answer from the hub",
};
