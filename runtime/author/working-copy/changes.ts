import { type Members, NULL, patchBetween, sortedKeys } from "../document/index.ts";
import type { Change } from "../repository/index.ts";

/** What a commit would change: `A` new, `C` changed, `D` removed; sorted by path. Pure. */
export function changesBetween(pristine: Members, working: Members): readonly Change[] {
  const patch = patchBetween(pristine, working);
  return sortedKeys(patch).map((key) => {
    if (patch.get(key) === NULL) return ["D", key];
    return [pristine.has(key) ? "C" : "A", key];
  });
}
