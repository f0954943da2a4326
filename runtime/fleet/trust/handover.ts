import type { Beacon } from "../wire/index.ts";

/** The hub's order keys, by epoch. */
export type OrderKeys = ReadonlyMap<number, Uint8Array>;

export const newestEpoch = (keys: OrderKeys): number => Math.max(...keys.keys());

/**
 * The keys after a beacon that was signed with the one of epoch `signed`; null: they stay. Only the newest key makes another one known,
 * that of the next epoch, which then is the only one. The beacon's time does not matter: a device whose clock is wrong follows, too.
 */
export function handover(keys: OrderKeys, signed: number, { epoch, nextKey }: Beacon): OrderKeys | null {
  const isTheirs = signed === newestEpoch(keys) && epoch === signed;
  return nextKey !== null && isTheirs ? new Map([[epoch + 1, nextKey]]) : null;
}
