/** Random numbers from a seed: Marsaglia's xorshift32, so that a campaign can be repeated on any machine. */
export class Dice {
  constructor(private state: number) {
    this.state = state >>> 0 || 1;
  }

  /** A whole number from 0 to `below` - 1. */
  roll(below: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % below;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.roll(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }
}
