/** How often somebody may ask, as a bucket that fills by itself. Pure. */
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
