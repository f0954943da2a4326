import { isMembers, type Members, NULL, type Tree } from "./tree.ts";

/** The merge patch (RFC 7386) that makes `to` of `from`, as far as one can: nulls in `to` become removals. Equal: no members. */
export function patchBetween(from: Members, to: Members): Members {
  const patch = new Map<string, Tree>();
  for (const key of from.keys()) if (!to.has(key)) patch.set(key, NULL);
  for (const [key, wanted] of to) {
    const there = from.get(key);
    if (there !== undefined && isMembers(there) && isMembers(wanted)) {
      const inner = patchBetween(there, wanted);
      if (inner.size > 0) patch.set(key, inner);
    } else if (there === undefined || isMembers(there) || there !== wanted) {
      patch.set(key, wanted);
    }
  }
  return patch;
}

/** Applies a merge patch as RFC 7386, section 2, has it: null removes, objects are merged, everything else is replaced whole. */
export function applyPatch(target: Tree, patch: Tree): Tree {
  if (!isMembers(patch)) return patch;
  return applyMembers(isMembers(target) ? target : new Map(), patch);
}

export function applyMembers(target: Members, patch: Members): Members {
  const result = new Map(target);
  for (const [key, value] of patch) {
    if (value === NULL) result.delete(key);
    else result.set(key, applyPatch(result.get(key) ?? NULL, value));
  }
  return result;
}

/** What is left of a value that travels as a merge patch: members that are null are gone, also of objects in objects; arrays stay whole. */
export const withoutNulls = (tree: Tree): Tree => applyPatch(new Map(), tree);
