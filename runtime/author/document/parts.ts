import { err, ok, type Result } from "../../result.ts";
import { byCodePoint } from "../../state/index.ts";
import { applyMembers } from "./merge-patch.ts";
import { type BadRevision, checkRevision, type Revision, SPEC_KEY } from "./revision.ts";
import type { Members, Tree } from "./tree.ts";

/**
 * What a fragment asks for (reference authoring 1.3): parts to take from the source, parts to drop. Nothing to take means everything.
 * A part is named by whole path components, so `app` is not `app2`; see {@link belongsTo}.
 */
export interface Selection {
  readonly take: readonly string[];
  readonly drop: readonly string[];
}

export interface BadFragment {
  readonly kind: "badFragment";
  readonly fragment: string;
  readonly problem: string;
}

export interface NoPart {
  readonly kind: "noPart";
  readonly part: string;
  readonly there: readonly string[];
}

export const EVERYTHING: Selection = { take: [], drop: [] };
export const isEverything = ({ take, drop }: Selection): boolean => take.length === 0 && drop.length === 0;

/** Reads `a,b,-c`; what is behind `%` stands for a character, so `%2C` and `%2D` are a comma and a minus that belong to a name. */
export function parseFragment(fragment: string): Result<Selection, BadFragment> {
  const [take, drop]: [string[], string[]] = [[], []];
  for (const word of fragment.split(",")) {
    const dropped = word.startsWith("-");
    let part: string;
    try {
      part = decodeURIComponent(dropped ? word.slice(1) : word).replace(/\/$/, "");
    } catch {
      return err({ kind: "badFragment", fragment, problem: `"${word}" has a % without two digits of 0-9 A-F` });
    }
    if (part === "") return err({ kind: "badFragment", fragment, problem: "a part has no name" });
    (dropped ? drop : take).push(part);
  }
  return ok({ take, drop });
}

/**
 * Is `key` of `part`? Of `web` are `web` itself and what is below it, and what says something about it elsewhere: its files of
 * configuration below `_config/web/`, its signature `_sigs/web.json`. A path such as `web/run.json` or `_config/web` means just that.
 */
export function belongsTo(key: string, part: string): boolean {
  if (key === part || key.startsWith(`${part}/`)) return true;
  return !part.includes("/") && (key.startsWith(`_config/${part}/`) || key === `_sigs/${part}.json`);
}

const inAny = (key: string, parts: readonly string[]): boolean => parts.some((part) => belongsTo(key, part));

/** Names of what can be taken: first path components, where `_config/web` and `_sigs/web.json` count as `web`. */
export function partsOf(members: Members): readonly string[] {
  const names = [...members.keys()].filter((key) => key !== SPEC_KEY).map(partOf);
  return [...new Set(names)].sort(byCodePoint);
}

export function partOf(key: string): string {
  const [first = "", second] = key.split("/");
  if (first === "_config" && second !== undefined) return second;
  return first === "_sigs" && second !== undefined ? second.replace(/\.json$/, "") : first;
}

type Chosen = Result<Revision, BadRevision | NoPart>;

/** `get`: the parts are taken away from the target, whole, and come anew from the source. With everything chosen the source is the result. */
export function replaceParts(target: Revision, source: Revision, selection: Selection): Chosen {
  const picked = pick(source, selection);
  if (!picked.ok) return picked;
  const { take, drop } = selection;
  if (take.length === 0) return checkRevision(picked.value);
  const kept = [...target].filter(([key]) => !inAny(key, take) && !inAny(key, drop));
  // A source without #spec in its selection leaves the target's own.
  return checkRevision(new Map([...kept, ...specOf(target), ...picked.value]));
}

/** `merge`: the selected part of the source is a merge patch (RFC 7386) on the target; what is dropped goes from both. */
export function mergeParts(target: Revision, source: Revision, selection: Selection): Chosen {
  const picked = pick(source, selection);
  if (!picked.ok) return picked;
  const merged = [...applyMembers(target, picked.value)].filter(([key]) => !inAny(key, selection.drop));
  return checkRevision(new Map([...specOf(target), ...merged]));
}

/** `export --parts`: the parts, and `#spec`. */
export function onlyParts(source: Revision, parts: readonly string[]): Chosen {
  const picked = pick(source, { take: parts, drop: [] });
  return picked.ok ? checkRevision(new Map([...specOf(source), ...picked.value])) : picked;
}

function pick(source: Revision, { take, drop }: Selection): Result<Members, NoPart> {
  const keys = [...source.keys()];
  const absent = take.find((part) => !keys.some((key) => belongsTo(key, part)));
  if (absent !== undefined) return err({ kind: "noPart", part: absent, there: partsOf(source) });
  return ok(new Map([...source].filter(([key]) => (take.length === 0 || inAny(key, take)) && !inAny(key, drop))));
}

const specOf = (revision: Revision): readonly (readonly [string, Tree])[] => {
  const spec = revision.get(SPEC_KEY);
  return spec === undefined ? [] : [[SPEC_KEY, spec]];
};

export function explainParts(e: BadFragment | NoPart): string {
  if (e.kind === "badFragment")
    return `#${e.fragment}: ${e.problem}; it reads "a,b,-c": parts to take, and -parts to drop`;
  const there = e.there.length === 0 ? "it has none" : `it has ${e.there.join(", ")}`;
  return `there is no part ${e.part}: ${there}`;
}
