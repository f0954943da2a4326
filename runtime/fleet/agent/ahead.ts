import type { Parcels } from "../parcels/index.ts";
import { isThin, type Pace } from "../transfer/index.ts";

/** Datagrams find out whether a network is there for a quarter of what attempts to connect cost: they do it alone for so long. */
const AHEAD_MS = 5 * 60_000;

/** How long the first connection waits for that: not at all, unless a restart finds a parcel that came in datagrams on a thin link. */
export async function connectsInMs(
  { updating }: { readonly updating: boolean },
  parcels: Pick<Parcels, "some">,
  pace: Pick<Pace, "bytesPerS">,
  datagrams: { readonly rests: boolean } | null,
): Promise<number> {
  if (!updating || !isThin(pace) || datagrams === null || datagrams.rests) return 0;
  const some = await parcels.some();
  return some.ok && some.value ? AHEAD_MS : 0;
}
