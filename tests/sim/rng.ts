/** Chance that can be repeated: every draw of a story comes from one seed. */
export interface Rng {
  /** 32 bits, unsigned. */
  readonly seed: number;
  /** In [0, 1). */
  unit(): number;
  /** A whole number in [0, `limit`). */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** Random bytes. */
  bytes(count: number): Uint8Array;
  /**
   * Another sequence, which depends on the seed and `name` alone and not on what was drawn so far: whoever draws more numbers than
   * yesterday does not change the fate of everybody else.
   */
  fork(name: string): Rng;
}

/** One round of splitmix32 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators): spreads a seed over all bits. */
function mixed(value: number): number {
  let z = (value + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/** FNV-1a of a name, started with a seed. */
function hashed(seed: number, name: string): number {
  let hash = (seed ^ 0x811c9dc5) | 0;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return mixed(hash);
}

/** sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, the whole of which comes from the seed. */
class Sfc32 implements Rng {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#a = mixed(this.seed);
    this.#b = mixed(this.#a);
    this.#c = mixed(this.#b);
    for (let round = 0; round < 12; round += 1) this.#next();
  }

  #next(): number {
    const out = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0;
    return out >>> 0;
  }

  unit(): number {
    return this.#next() / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  bytes(count: number): Uint8Array {
    const made = new Uint8Array(count);
    for (let at = 0; at < count; at += 1) made[at] = this.#next();
    return made;
  }

  fork(name: string): Rng {
    return new Sfc32(hashed(this.seed, name));
  }
}

export const newRng = (seed: number): Rng => new Sfc32(seed);
