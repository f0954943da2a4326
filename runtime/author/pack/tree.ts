import type { Entry } from "../../tar/index.ts";

/** A root file system to be packed. */
export interface Tree {
  /** About how many entries there are, for progress. */
  readonly count: number;
  /**
   * `./` first, then each folder before what is in it; a hard link after the file that it names. Names are relative, without `.` and `..`,
   * each is there once. May be asked for more than once.
   */
  entries(): AsyncIterable<Entry>;
}

export type Report = (done: {
  readonly phase: "collect" | "compress";
  readonly done: number;
  readonly of: number;
}) => void;
