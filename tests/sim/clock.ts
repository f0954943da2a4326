/** Time that passes only when nothing else is left to happen. */
export interface Clock {
  /** Milliseconds since the machine was switched on. */
  now(): number;
  set(ms: number, fire: () => void): () => void;
  sleep(ms: number): Promise<void>;
  /** Goes to the next timer and fires it; false: there is none. */
  next(): boolean;
}

interface Alarm {
  readonly atMs: number;
  readonly fire: () => void;
}

export function virtualClock(): Clock {
  /** Few, and mostly soon gone. */
  const alarms = new Set<Alarm>();
  let nowMs = 0;
  const set = (ms: number, fire: () => void): (() => void) => {
    const alarm = { atMs: nowMs + Math.max(0, ms), fire };
    alarms.add(alarm);
    return () => alarms.delete(alarm);
  };
  return {
    now: () => nowMs,
    set,
    sleep: (ms) => new Promise((resolve) => set(ms, resolve)),
    next() {
      let first: Alarm | null = null;
      for (const alarm of alarms) if (first === null || alarm.atMs < first.atMs) first = alarm;
      if (first === null) return false;
      alarms.delete(first);
      nowMs = first.atMs;
      first.fire();
      return true;
    },
  };
}

/** Everything that waits for no clock has happened: simulated disks answer at once, so promises are all there is. */
export const drained = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
