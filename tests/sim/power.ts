import { invariant } from "../../runtime/result.ts";
import type { Rng } from "./rng.ts";

/** What `Power.run` gives when the power went first. */
export const CUT: unique symbol = Symbol("power cut");

/** Something that goes wrong at a primitive of a disk; `at` is its number, from 0, counted over all disks and boots of a story. */
export type Accident =
  /** Power goes before the primitive, in the middle of it (torn), or when it is done but its caller has not heard of it. */
  | { readonly at: number; readonly kind: "cut"; readonly moment: "before" | "during" | "after" }
  /** The primitive fails; `noSpace` only where something is written. Power stays. */
  | { readonly at: number; readonly kind: "noSpace" | "io" };

/** Probabilities at each primitive, 0 to 1. */
export interface Rates {
  readonly cut: number;
  readonly noSpace: number;
  readonly io: number;
}

export const calm: Rates = { cut: 0, noSpace: 0, io: 0 };

export interface Call {
  readonly call: string;
  readonly why: string;
  readonly path: string;
}

/** A story needs some hundred calls; one that makes this many goes round in circles. */
const CALLS_MAX = 100_000;

const WRITING = new Set(["create", "write", "fsync", "rename", "link", "symlink", "mkdir"]);

/**
 * The power supply of a simulated machine, which all its disks hang on, and fate: it knows at which primitive something goes wrong,
 * either drawn as `rates` say or, to repeat and to shrink, from a list.
 */
export class Power {
  readonly #rng: Rng;
  readonly #rates: Rates;
  readonly #planned: ReadonlyMap<number, Accident> | null;
  readonly #trace: Call[] = [];
  readonly #struck: Accident[] = [];
  #calm = false;
  #boot = 0;
  #cut = Promise.withResolvers<typeof CUT>();

  constructor(rng: Rng, fate: Rates | readonly Accident[]) {
    this.#rng = rng;
    this.#rates = isList(fate) ? calm : fate;
    this.#planned = isList(fate) ? new Map(fate.map((accident) => [accident.at, accident])) : null;
  }

  /** Number of the boot, from 0; whoever belongs to an earlier one is gone. */
  get boot(): number {
    return this.#boot;
  }

  /** Every primitive so far. */
  get trace(): readonly Call[] {
    return this.#trace;
  }

  /** Every accident so far; as a list for a new story it repeats this one. */
  get struck(): readonly Accident[] {
    return this.#struck;
  }

  /** From now on nothing goes wrong any more: then whatever was begun must come to its end. */
  calm(): void {
    this.#calm = true;
  }

  /** For a disk: counts a primitive and says what goes wrong there. */
  strike(call: Call): Accident | null {
    const at = this.#trace.push(call) - 1;
    invariant(at < CALLS_MAX, `a story ends within ${CALLS_MAX} calls`);
    if (this.#calm) return null;
    const accident = this.#planned === null ? this.#draw(at) : (this.#planned.get(at) ?? null);
    if (accident === null || (accident.kind === "noSpace" && !WRITING.has(call.call))) return null;
    this.#struck.push(accident);
    return accident;
  }

  #draw(at: number): Accident | null {
    const { cut, noSpace, io } = this.#rates;
    const drawn = this.#rng.unit();
    if (drawn < cut) return { at, kind: "cut", moment: this.#rng.pick(["before", "during", "after"] as const) };
    if (drawn < cut + noSpace) return { at, kind: "noSpace" };
    return drawn < cut + noSpace + io ? { at, kind: "io" } : null;
  }

  /** The power goes now, as it does for a kernel that panics or a watchdog that bites: nothing is written any more. */
  cut(): void {
    this.#boot += 1;
    const { resolve } = this.#cut;
    this.#cut = Promise.withResolvers();
    resolve(CUT);
  }

  /**
   * Runs one boot of a machine: the value of `boot`, or {@link CUT} as soon as the power goes. After a cut nothing of that boot goes on:
   * its calls on a disk never return, so that no `catch` or `finally` runs that a dead machine would not have run. What it holds beside
   * disks (simulated clocks, hubs) the runner makes anew for the next boot.
   */
  run<T>(boot: () => Promise<T>): Promise<T | typeof CUT> {
    const { promise } = this.#cut; // before `boot`, whose first call may be its last
    return Promise.race([promise, boot()]);
  }
}

const isList = (fate: Rates | readonly Accident[]): fate is readonly Accident[] => Array.isArray(fate);
