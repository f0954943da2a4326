/** How often somebody may ask, as a bucket that fills by itself. */
export interface Bucket {
  readonly left: number;
  readonly atMs: number;
}

export interface Rate {
  /** At once. */
  readonly burst: number;
  readonly perSecond: number;
}

/** Takes one; null: there is none. */
export function take(bucket: Bucket | undefined, { burst, perSecond }: Rate, nowMs: number): Bucket | null {
  const { left, atMs } = bucket ?? { left: burst, atMs: nowMs };
  const filled = Math.min(burst, left + (Math.max(0, nowMs - atMs) / 1000) * perSecond);
  return filled < 1 ? null : { left: filled - 1, atMs: nowMs };
}

/** As good as one that was never touched. */
export const isFull = ({ left, atMs }: Bucket, { burst, perSecond }: Rate, nowMs: number): boolean =>
  left + ((nowMs - atMs) / 1000) * perSecond >= burst;

/** Those of full buckets need not be remembered. */
const BUCKETS_MAX = 4096;

/** May this one ask once more? `now`: milliseconds. */
export function rateOf<Who>(rate: Rate, now: () => number): (who: Who) => boolean {
  const buckets = new Map<Who, Bucket>();
  return (who) => {
    const atMs = now();
    const bucket = take(buckets.get(who), rate, atMs);
    if (bucket === null) return false;
    buckets.set(who, bucket);
    if (buckets.size > BUCKETS_MAX) for (const [one, of] of buckets) if (isFull(of, rate, atMs)) buckets.delete(one);
    return true;
  };
}
