import { clockIsKnown } from "../desired/index.ts";
import type { Command } from "../wire/index.ts";

/** What becomes of a command that the hub has signed. `replayed`: this one or a later one was taken before; nothing is said to that. */
export type Judgement = "take" | "replayed" | "expired" | "clockless";

/**
 * `last`: the highest id that was ever taken. Who has no clock cannot tell whether a command has expired, and takes it: its id keeps it
 * from being done twice. But nothing is opened that only a clock would close again.
 */
export function judge(last: number, { id, operation, expiry }: Command, wallMs: number): Judgement {
  if (id <= last) return "replayed";
  if (!clockIsKnown(wallMs)) return operation === "debugAccess" ? "clockless" : "take";
  return wallMs >= expiry * 1000 ? "expired" : "take";
}
