/** Bytes that two places must share to be looked at. */
export const SEED_BYTES = 8;
/** Places in the base that are remembered at most; a larger base is remembered at every second place, every fourth, and so on. */
const PLACES_MAX = 1 << 23;
/** Places with the same hash that are compared with the target before the longest is taken. */
const PROBES_MAX = 12;

/** After so many places, which is after milliseconds, others may work. */
export const PLACES_A_TURN = 1 << 15;

export interface Found {
  readonly from: number;
  readonly length: number;
}

/** Where in the base the bytes of a place in the target stand: hashes of {@link SEED_BYTES} in chains, the latest place first. */
export class BaseIndex {
  private readonly step: number;
  private readonly shift: number;
  private readonly heads: Int32Array;
  private readonly next: Int32Array;

  constructor(private readonly base: Uint8Array) {
    let step = 1;
    while (base.length / step > PLACES_MAX) step *= 2;
    this.step = step;
    const places = Math.floor(base.length / step) + 1;
    const bits = Math.max(8, Math.ceil(Math.log2(places)));
    this.shift = 32 - bits;
    this.heads = new Int32Array(1 << bits);
    this.next = new Int32Array(places + 1);
  }

  /** To be done once, before anything is looked for. */
  *fill(): Generator<null> {
    const { base, step } = this;
    let last = -1;
    for (let place = 0, at = 0; at + SEED_BYTES <= base.length; place += 1, at += step) {
      if (place % PLACES_A_TURN === 0) yield null;
      const hash = hashAt(base, at, this.shift);
      if (hash === last) continue; // inside a run of one byte: its beginning is enough
      last = hash;
      this.next[place + 1] = this.heads[hash] as number;
      this.heads[hash] = place + 1;
    }
  }

  /** The longest run of equal bytes from `to` on, and where it stands in the base. Length 0: none. */
  longest(target: Uint8Array, to: number): Found {
    const { base, step, next } = this;
    let [from, length] = [0, 0];
    if (to + SEED_BYTES > target.length) return { from, length };
    let entry = this.heads[hashAt(target, to, this.shift)] as number;
    for (let probe = 0; entry !== 0 && probe < PROBES_MAX; probe += 1, entry = next[entry] as number) {
      const at = (entry - 1) * step;
      if (base[at + length] !== target[to + length]) continue;
      const run = equalRun(base, at, target, to);
      if (run <= length) continue;
      from = at;
      length = run;
    }
    return { from, length };
  }
}

function hashAt(bytes: Uint8Array, at: number, shift: number): number {
  const low =
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24);
  const high =
    (bytes[at + 4] as number) |
    ((bytes[at + 5] as number) << 8) |
    ((bytes[at + 6] as number) << 16) |
    ((bytes[at + 7] as number) << 24);
  // Multiplicative hashing; the constants are the golden ratio's and another odd one.
  return (Math.imul(Math.imul(low, 0x9e3779b1) ^ high, 0x85ebca6b) >>> shift) as number;
}

const STRIDE = 4096;

/** How many bytes from here and from there on are the same. */
export function equalRun(a: Uint8Array, fromA: number, b: Uint8Array, fromB: number): number {
  const longest = Math.min(a.length - fromA, b.length - fromB);
  let run = 0;
  for (; run < longest && run < 64; run += 1) if (a[fromA + run] !== b[fromB + run]) return run;
  while (
    run + STRIDE <= longest &&
    Buffer.compare(a.subarray(fromA + run, fromA + run + STRIDE), b.subarray(fromB + run, fromB + run + STRIDE)) === 0
  )
    run += STRIDE;
  while (run < longest && a[fromA + run] === b[fromB + run]) run += 1;
  return run;
}
