/** Which blocks a request is answered with. Pure. */
import type { BlockRequest } from "../../fleet/wire/index.ts";
import type { Digest } from "../../state/index.ts";

/** More are not sent: the device asks again. */
export const BLOCKS_MAX = 64;

/**
 * Indices in the order in which they go out: as they were asked for, within the parcel. What the device has is of another parcel, or of
 * none: then it gets the first one before the others, which says what they are of.
 */
export function blocksFor(
  { missing, blockBytes, parcel: begun }: Pick<BlockRequest, "missing" | "blockBytes" | "parcel">,
  { digest, bytes }: { readonly digest: Digest; readonly bytes: number },
): readonly number[] {
  const count = Math.max(1, Math.ceil(bytes / blockBytes));
  const isAnother = begun === null || !digest.startsWith(begun);
  const indices = isAnother && missing[0]?.from !== 0 ? [0] : [];
  for (const range of missing) {
    const end = Math.min(range.from + range.count, count);
    for (let index = range.from; index < end && indices.length < BLOCKS_MAX; index += 1) indices.push(index);
  }
  return indices;
}
