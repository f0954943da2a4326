import { ok } from "../result.ts";
import { type State, type WantedObject, wantedObjects } from "../state/index.ts";
import { type DiskResult, objectInfo, type Store } from "../store/index.ts";

/** Objects of a state that the store has not got. */
export async function missingObjects(store: Store, state: State, running: State): DiskResult<readonly WantedObject[]> {
  const missing: WantedObject[] = [];
  for (const wanted of wantedObjects(state, running)) {
    const found = await objectInfo(store, wanted.digest);
    if (!found.ok) return found;
    if (found.value === null) missing.push(wanted);
  }
  return ok(missing);
}
