import type { Phase, Reason } from "../terms/index.ts";
import { encodeProgress, type Progress } from "../wire/index.ts";

export interface ProgressPorts {
  /** `lasting`: it must arrive, and survives a power cut when it is done. */
  send(bytes: Uint8Array, lasting: boolean): Promise<void>;
  setTimer(ms: number, fire: () => void): () => void;
}

/** A phase that is over sooner is not worth a message. */
export const PHASE_MS = 10_000;
const PERCENT_STEP = 10;

/** Tells the hub how far a revision has come, in as few messages as will do. */
export class ProgressReport {
  private current: Progress | null = null;
  private said: Progress | null = null;
  private stopTimer: (() => void) | null = null;

  constructor(private readonly ports: ProgressPorts) {}

  at(sequence: number, phase: Phase, percent: number): void {
    const { current, said } = this;
    const same = current?.sequence === sequence && current.phase === phase;
    this.current = { sequence, phase, percent, reason: null };
    if (!same) this.stop();
    const further = said?.sequence !== sequence || said.phase !== phase || percent >= said.percent + PERCENT_STEP;
    if (further) this.stopTimer ??= this.ports.setTimer(PHASE_MS, () => this.flush());
  }

  /** Says now what was not worth a message yet; false: there is nothing. */
  flush(): boolean {
    const waits = this.stopTimer !== null;
    this.stop();
    if (!waits || this.current === null) return false;
    this.said = this.current;
    void this.ports.send(encodeProgress(this.current), false);
    return true;
  }

  verdict(sequence: number, phase: Phase, reason: Reason | null): Promise<void> {
    this.stop();
    this.current = null;
    return this.ports.send(encodeProgress({ sequence, phase, percent: 100, reason }), true);
  }

  stop(): void {
    this.stopTimer?.();
    this.stopTimer = null;
  }
}
