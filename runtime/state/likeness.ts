import type { Digest, State } from "./model.ts";

/** An object that is wanted, and those from which a patch could give it, the likeliest first. */
export interface WantedObject {
  readonly digest: Digest;
  readonly candidates: readonly Digest[];
}

const CANDIDATES_MAX = 4;

/** Objects of a state, each once, for who runs another one, or none. What has the same place in that is likely to be much like it. */
export function wantedObjects(state: State, running: State | null): readonly WantedObject[] {
  const there = objectsOf(running ?? { entries: [] });
  const wanted = new Map<Digest, WantedObject>();
  for (const [key, digest] of objectsOf(state)) {
    if (!wanted.has(digest)) wanted.set(digest, { digest, candidates: candidatesFor(key, there) });
  }
  return [...wanted.values()];
}

const objectsOf = ({ entries }: Pick<State, "entries">): ReadonlyMap<string, Digest> =>
  new Map(entries.flatMap((entry) => (entry.kind === "object" ? [[String(entry.key), entry.digest] as const] : [])));

/** The same file, then one that differs in its ending only: an image that was packed in another way. */
function candidatesFor(key: string, there: ReadonlyMap<string, Digest>): readonly Digest[] {
  const alike = [...there].filter(([other]) => stem(other) === stem(key)).map(([, digest]) => digest);
  const same = there.get(key);
  return [...new Set([...(same === undefined ? [] : [same]), ...alike])].slice(0, CANDIDATES_MAX);
}

const stem = (key: string): string => key.replace(/(?<=[^/])\.[^./]*$/, "");
