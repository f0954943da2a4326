import { ok } from "../result.ts";
import type { Digest, State } from "../state/index.ts";
import { type DiskResult, objectInfo, type Store } from "../store/index.ts";

/** An object that is wanted, and those from which a patch could give it, the likeliest first. */
export interface MissingObject {
  readonly digest: Digest;
  readonly candidates: readonly Digest[];
}

const CANDIDATES_MAX = 4;

/** Objects of a state that the store has not got. What has the same place in the running state is likely to be much like it. */
export async function missingObjects(store: Store, state: State, running: State): DiskResult<readonly MissingObject[]> {
  const there = objectsOf(running);
  const missing = new Map<Digest, MissingObject>();
  for (const [key, digest] of objectsOf(state)) {
    if (missing.has(digest)) continue;
    const found = await objectInfo(store, digest);
    if (!found.ok) return found;
    if (found.value === null) missing.set(digest, { digest, candidates: candidatesFor(key, there) });
  }
  return ok([...missing.values()]);
}

const objectsOf = ({ entries }: State): ReadonlyMap<string, Digest> =>
  new Map(entries.flatMap((entry) => (entry.kind === "object" ? [[String(entry.key), entry.digest] as const] : [])));

/** The same file, then one that differs in its ending only: an image that was packed in another way. */
function candidatesFor(key: string, there: ReadonlyMap<string, Digest>): readonly Digest[] {
  const alike = [...there].filter(([other]) => stem(other) === stem(key)).map(([, digest]) => digest);
  const same = there.get(key);
  return [...new Set([...(same === undefined ? [] : [same]), ...alike])].slice(0, CANDIDATES_MAX);
}

const stem = (key: string): string => key.replace(/(?<=[^/])\.[^./]*$/, "");
