/** Datagrams, as long as some get through: there are networks without UDP, and hubs whose port is open for TCP only. */
export interface DatagramWay<What> {
  /** It was in vain again and again, and is not tried before tomorrow. */
  readonly rests: boolean;
  /** As {@link fetchDatagrams}; throws at once while it rests. */
  fetch(what: What): AsyncIterable<Uint8Array>;
}

/** No datagram has come although the link was there. */
export class NobodyAnswers extends Error {
  override readonly name = "NobodyAnswers";
}

const IN_VAIN_MAX = 2;
const REST_MS = 24 * 3600_000;

/** `now`: monotonic milliseconds. */
export function openDatagramWay<What>(
  fetch: (what: What) => AsyncIterable<Uint8Array>,
  now: () => number,
): DatagramWay<What> {
  /** In a row. */
  let inVain = 0;
  let untilMs = Number.NEGATIVE_INFINITY;
  const rests = (): boolean => now() < untilMs;
  return {
    get rests() {
      return rests();
    },
    async *fetch(what) {
      if (rests()) throw new NobodyAnswers("datagrams do not get through");
      try {
        for await (const piece of fetch(what)) {
          inVain = 0;
          yield piece;
        }
      } catch (thrown) {
        if (thrown instanceof NobodyAnswers) inVain += 1;
        if (inVain >= IN_VAIN_MAX) [inVain, untilMs] = [0, now() + REST_MS];
        throw thrown;
      }
    },
  };
}
