import { err, ok, type Result } from "../result.ts";

/** A folder below `trails/`: `0` is the factory revision, other digits come from a hub, `locals/<name>` was made on the device. */
export type RevisionName = string & { readonly __brand: "RevisionName" };

export interface BadRevisionName {
  readonly kind: "badRevisionName";
  readonly text: string;
}

const FROM_HUB = /^(?:0|[1-9][0-9]{0,17})$/;
/** One component of 1 to 64 characters (reference 4.8). No space or quote: the name also stands on the kernel's command line. */
const LOCAL = /^locals\/[A-Za-z0-9_][A-Za-z0-9._+:@-]{0,63}$/;

/** The factory revision: the only one that has nothing to roll back to (reference 5.8). */
export const factory = "0" as RevisionName;

/** Digits without leading zero, or `locals/` and one component of 1-64 of `A-Z a-z 0-9 . _ + : @ -`, not starting with `. + : @ -`. */
export function parseRevisionName(text: string): Result<RevisionName, BadRevisionName> {
  return FROM_HUB.test(text) || LOCAL.test(text) ? ok(text as RevisionName) : err({ kind: "badRevisionName", text });
}

export const isLocal = (rev: RevisionName): boolean => rev.startsWith("locals/");

/** Hub revisions by number, then local ones by name. */
export function compareRevisionNames(a: RevisionName, b: RevisionName): number {
  if (isLocal(a) !== isLocal(b)) return isLocal(a) ? 1 : -1;
  if (!isLocal(a) && a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
