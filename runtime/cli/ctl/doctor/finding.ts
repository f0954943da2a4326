export type Level = "ok" | "warn" | "bad";

/** One line of the doctor: what is so, and the command that comes next when something should be done. */
export interface Finding {
  readonly area: string;
  readonly level: Level;
  readonly sentence: string;
  readonly next: string | null;
}

export const finding = (area: string, level: Level, sentence: string, next: string | null = null): Finding => ({
  area,
  level,
  sentence,
  next,
});
