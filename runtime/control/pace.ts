/**
 * Bounds of waiting for a client in a transfer: so many bytes in so much time, or it is stuck. A plain idle limit would let a client that
 * sends a byte now and then hold a place for ever. Time in which the client waits for us does not count.
 */
export const paceLimits = { idleMs: 10_000, bytesMin: 4096 } as const;

export interface Pace {
  /** From now on the client is waited for. */
  waiting(): void;
  /** It took or sent bytes and is not waited for any more. */
  moved(bytes: number): void;
  stop(): void;
}

/** `tooSlow` is called once, when the client does not keep up. */
export function openPace(tooSlow: () => void): Pace {
  let allowanceMs: number = paceLimits.idleMs;
  let bytes = 0;
  let since: number | null = null;
  let timer: Timer | undefined;
  const stop = (): void => {
    clearTimeout(timer);
    if (since !== null) allowanceMs -= performance.now() - since;
    since = null;
  };
  return {
    waiting() {
      if (since !== null) return;
      since = performance.now();
      timer = setTimeout(tooSlow, Math.max(0, allowanceMs));
    },
    moved(count) {
      stop();
      bytes += count;
      if (bytes < paceLimits.bytesMin) return;
      bytes = 0;
      allowanceMs = paceLimits.idleMs;
    },
    stop,
  };
}
