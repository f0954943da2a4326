/** A clock that stands still until it is told to go on: a day of a link's takes a minute then, and whatever needs time of the machine has it. */

interface Due {
  readonly atMs: number;
  readonly fire: () => void;
}

/** Takes the place of the clocks and timers that this program has, as they are when this is called. */
export interface SteppedClock {
  /** Goes on to what is due next, but no further than `atMostMs`; the value is how much time has passed in all. */
  step(atMostMs: number): Promise<number>;
}

/** Takes the place of the clocks and timers that this program has, as they are when this is called. */
export function stepClock(): SteppedClock {
  const dues = new Map<number, Due>();
  const startMs = Date.now();
  const later = globalThis.setImmediate;
  let passedMs = 0;
  let last = 0;

  const set = (fire: (...given: unknown[]) => void, ms = 0, ...given: unknown[]): unknown => {
    last += 1;
    const id = last;
    dues.set(id, { atMs: passedMs + Math.max(0, ms), fire: () => fire(...given) });
    return Object.assign(Object(id) as object, { unref: () => {}, ref: () => {}, hasRef: () => true });
  };
  const clear = (id: unknown): void => void dues.delete(Number(id));

  /** What is due now, and what that makes due at once. */
  async function run(): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => later(() => resolve()));
      const due = next();
      if (due === null || due.atMs > passedMs) return;
      dues.delete(due.id);
      due.fire();
    }
  }

  function next(): (Due & { readonly id: number }) | null {
    const [first] = [...dues].toSorted(([, a], [, b]) => a.atMs - b.atMs);
    return first === undefined ? null : { id: first[0], ...first[1] };
  }

  Object.assign(globalThis, {
    setTimeout: set,
    clearTimeout: clear,
    clearInterval: clear,
    setInterval(fire: () => void, ms: number) {
      let id: unknown = null;
      const again = (): void => {
        fire();
        id = set(again, ms);
      };
      id = set(again, ms);
      return { [Symbol.toPrimitive]: () => Number(id), unref() {}, ref() {} };
    },
  });
  performance.now = () => passedMs;
  Date.now = () => startMs + passedMs;
  return {
    async step(atMostMs) {
      await run();
      passedMs = Math.min(passedMs + atMostMs, next()?.atMs ?? Number.POSITIVE_INFINITY);
      await run();
      return passedMs;
    },
  };
}
