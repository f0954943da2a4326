import { equalRun } from "./base-index.ts";
import { Growing } from "./bytes.ts";
import type { Copy } from "./copies.ts";
import { type Parts, SECTION_BYTES_MAX } from "./format.ts";

/** A step has three numbers, a difference a number and a byte. */
const STEP_BYTES_MAX = 3 * 8;
const DIFFERENCE_BYTES_MAX = 8 + 1;

/** Collects steps until a section is full. */
export class SectionWriter {
  private readonly steps = new Growing();
  private readonly gaps = new Growing();
  private readonly differences = new Growing();
  private readonly news = new Growing();
  /** New bytes that wait for the copy after them. */
  private waiting = 0;
  private gap = 0;
  private basePosition = 0;

  private get room(): number {
    const used = this.steps.length + this.gaps.length + this.differences.length + this.news.length;
    return SECTION_BYTES_MAX - used - STEP_BYTES_MAX;
  }

  get isEmpty(): boolean {
    return this.steps.length === 0 && this.waiting === 0;
  }

  /** How many of the bytes it took as new ones; fewer: the section is full. */
  insert(bytes: Uint8Array): number {
    const taken = Math.max(0, Math.min(bytes.length, this.room));
    this.news.all(bytes.subarray(0, taken));
    this.waiting += taken;
    return taken;
  }

  /** How many bytes of the copy it took; fewer: the section is full. */
  copy(base: Uint8Array, target: Uint8Array, { from, to, length }: Copy): number {
    let taken = 0;
    while (taken < length) {
      const equal = Math.min(length - taken, equalRun(base, from + taken, target, to + taken));
      this.gap += equal;
      taken += equal;
      if (taken === length || this.room < DIFFERENCE_BYTES_MAX) break;
      this.gaps.number(this.gap);
      this.gap = 0;
      this.differences.byte((target[to + taken] as number) - (base[from + taken] as number));
      taken += 1;
    }
    if (taken > 0) this.step(taken, from);
    return taken;
  }

  private step(copied: number, from: number): void {
    this.steps.number(this.waiting);
    this.waiting = 0;
    this.steps.number(copied);
    if (copied === 0) return;
    this.steps.signed(from - this.basePosition);
    this.basePosition = from + copied;
  }

  /** The section; the next one begins. */
  take(): Parts {
    if (this.waiting > 0) this.step(0, 0);
    this.gap = 0;
    return {
      steps: this.steps.take(),
      gaps: this.gaps.take(),
      differences: this.differences.take(),
      news: this.news.take(),
    };
  }
}
