import { clockIsKnown } from "../desired/index.ts";
import type { Clock, FromLink } from "../pipe/index.ts";

export interface LinkClockPorts {
  tell(message: FromLink): void;
  /** Milliseconds since 1970. */
  wallMs(): number;
  setTimer(ms: number, fire: () => void): () => void;
}

const ANSWER_WITHIN_MS = 10_000;

/** The machine's clock as the link knows it; process 1 is the one that sets it. */
export class LinkClock {
  private answered = (): void => {};

  constructor(
    private clock: Clock,
    private readonly ports: LinkClockPorts,
  ) {}

  /** Before that it certainly is not. */
  get floorMs(): number {
    return this.clock.floorMs;
  }

  get known(): boolean {
    return !this.clock.guessed && clockIsKnown(this.ports.wallMs());
  }

  /** What process 1 says. */
  is(clock: Clock): void {
    this.clock = clock;
    this.answered();
  }

  /** Done when the machine's clock is not behind that, or cannot be helped. */
  async atLeast(atMs: number): Promise<void> {
    if (this.ports.wallMs() >= atMs) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.answered = resolve;
    const stop = this.ports.setTimer(ANSWER_WITHIN_MS, resolve);
    this.ports.tell({ kind: "clock", atMs, signed: false });
    await promise;
    stop();
  }

  hubSays(atMs: number): void {
    if (atMs > this.clock.floorMs) this.ports.tell({ kind: "clock", atMs, signed: true });
  }
}
