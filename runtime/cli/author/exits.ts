import { EXIT_USAGE, type Out } from "../command.ts";

export const EXIT = { done: 0, refused: 1 } as const;

/** For the help of every command of authors. */
export const exits: Readonly<Record<number, string>> = {
  [EXIT.done]: "done",
  [EXIT.refused]: "refused, and nothing was changed; stderr says why",
  [EXIT_USAGE]: "wrong arguments",
};

/** Says why not, and gives the exit code for it. */
export function refuse(out: Out, sentence: string): number {
  out.complain(sentence);
  return EXIT.refused;
}

/** How far a row of files is, on a terminal; elsewhere the lines at the end tell. */
export const fileProgress =
  (out: Out, what: string) =>
  (done: number, all: number, path: string): void =>
    out.progress?.(`${what} ${done} of ${all}: ${path}`);
