/** How much room parcels take, and which of them go when there is none. Pure. */
import type { DiskSpace } from "../../store/index.ts";
import type { ParcelRecord } from "../database/index.ts";

/** Of the file system: all parcels together take a part of it, and some of it stays free for objects and the database. */
const [PARCELS_SHARE, FREE_SHARE] = [1 / 4, 1 / 20];
/** Devices are getting what was asked for since. */
const IN_USE_MS = 2 * 3_600_000;
/** Patches that give one object, from one base each: devices name bases, and each costs minutes. */
export const BASES_MAX = 32;

type Kept = Pick<ParcelRecord, "target" | "base" | "format" | "bytes" | "askedMs">;

/**
 * Which parcels go so that another one can be kept, those that nobody has asked for the longest first; null: there
 * would be no room for it, whichever went that are not in use.
 */
export function roomFor<P extends Kept>(
  { target, base, bytes }: Pick<Kept, "target" | "base" | "bytes">,
  kept: readonly P[],
  { totalBytes, freeBytes }: DiskSpace,
  nowMs: number,
): readonly P[] | null {
  let [taken, free] = [kept.reduce((sum, parcel) => sum + parcel.bytes, 0), freeBytes];
  const isRival = (parcel: P): boolean => base !== null && parcel.base !== null && parcel.target === target;
  let rivals = kept.filter(isRival).length;
  const isFull = (): boolean => taken + bytes > totalBytes * PARCELS_SHARE || free - bytes < totalBytes * FREE_SHARE;
  const going: P[] = [];
  for (const parcel of kept.toSorted((a, b) => a.askedMs - b.askedMs)) {
    if (!isFull() && (rivals < BASES_MAX || !isRival(parcel))) continue;
    if (nowMs - parcel.askedMs < IN_USE_MS) break;
    going.push(parcel);
    taken -= parcel.bytes;
    free += parcel.bytes;
    if (isRival(parcel)) rivals -= 1;
  }
  return isFull() || rivals >= BASES_MAX ? null : going;
}
