/** What a command may be, and what has become of it. Pure. */
import type { Operation } from "../../fleet/terms/index.ts";
import { parseContainerName } from "../../state/index.ts";
import type { KeptCommand } from "../database/index.ts";

export interface CommandWish {
  readonly operation: Operation;
  /** As `n/c` has it. */
  readonly argument: string;
  /** Milliseconds since 1970; null: in an hour. */
  readonly expiryMs: number | null;
}

export const limits = {
  /** A command that nobody sets an end to. */
  usualMs: 3_600_000,
  expiryMsMax: 7 * 86_400_000,
  /** So long a broker keeps what it has for a device; each of the fleet reports at least daily. */
  sessionMs: 7 * 86_400_000,
  /** Of a device, unanswered and unexpired; it takes as many at a time. */
  openMax: 8,
  /** Of a device. */
  keptMax: 100,
  linesMax: 1000,
  debugSecondsMin: 60,
  debugSecondsMax: 86_400,
} as const;

const NOTHING = "nothing";
/** What an operation wants as its argument, in words. */
const wanted: { readonly [O in Operation]: string } = {
  reboot: NOTHING,
  gc: NOTHING,
  restartContainer: "the name of a container",
  logs: `a number of lines from 1 to ${limits.linesMax}, maybe after the name of a container and a space`,
  debugAccess: `a number of seconds from ${limits.debugSecondsMin} to ${limits.debugSecondsMax}, or 0 to end it`,
};

/** Null: it is as the operation wants it. */
export function argumentProblem(operation: Operation, argument: string): string | null {
  return fits(operation, argument) ? null : wanted[operation];
}

function fits(operation: Operation, argument: string): boolean {
  switch (operation) {
    case "reboot":
    case "gc":
      return argument === "";
    case "restartContainer":
      return parseContainerName(argument) !== null;
    case "logs": {
      const [, container, lines] = /^(?:(\S+) )?([1-9]\d{0,3})$/.exec(argument) ?? [];
      const isNamed = container === undefined || parseContainerName(container) !== null;
      return lines !== undefined && Number(lines) <= limits.linesMax && isNamed;
    }
    case "debugAccess": {
      if (argument === "0") return true;
      const seconds = /^[1-9]\d{0,5}$/.test(argument) ? Number(argument) : 0;
      return seconds >= limits.debugSecondsMin && seconds <= limits.debugSecondsMax;
    }
  }
}

/** `waiting`: the broker may not know it. `sent`: it has it. `done`: the device answered. `expired`: it did not, or it came too late. */
export type CommandState = "waiting" | "sent" | "done" | "expired";

export function stateOf({ answer, expiryMs, publishedMs }: KeptCommand, nowMs: number): CommandState {
  if (answer !== null) return answer.code === "expired" ? "expired" : "done";
  if (nowMs >= expiryMs) return "expired";
  return publishedMs === null ? "waiting" : "sent";
}

/**
 * The next number of a device's commands: also of a hub that was brought back from an old copy it is higher than any that the device has
 * taken, since it has the time in it.
 */
export const nextId = (last: number, nowMs: number): number => Math.max(last + 1, Math.floor(nowMs / 1000));
