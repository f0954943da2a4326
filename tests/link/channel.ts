/** One direction of a link, as netem has it (tc-netem(8)), in this process: the kernel of who runs this may not have it. */
import { Tallier } from "./tally.ts";

export interface Shape {
  readonly bitsPerS: number;
  /** On top of the time that a packet takes to be sent. */
  readonly delayMs: number;
  /** Of packets: they take their time, and do not arrive. */
  readonly lossPercent: number;
}

/** As modems have it. */
const QUEUE_PACKETS = 20;

export class Channel {
  /** Null: as fast as it comes. */
  shape: Shape | null = null;
  /** Nothing arrives, and nobody is told. */
  cut = false;
  /** Who is at the device's end has no power: nothing is sent there, and nothing counted that comes. */
  off = false;
  /** What was sent, lost or not, and what arrived. */
  readonly sent = new Tallier();
  readonly come = new Tallier();
  private freeAtMs = 0;
  private queued = 0;

  constructor(
    private readonly arrive: (packet: Uint8Array) => void,
    /** In [0, 1). */
    private readonly random: () => number,
  ) {}

  send(packet: Uint8Array): void {
    if (this.off) return;
    this.sent.count(packet, this.cut);
    if (this.cut) return;
    if (this.shape === null) {
      this.arrived(packet);
      return;
    }
    if (this.queued === QUEUE_PACKETS) return;
    const { bitsPerS, delayMs, lossPercent } = this.shape;
    const now = performance.now();
    this.freeAtMs = Math.max(now, this.freeAtMs) + (packet.length * 8000) / bitsPerS;
    this.queued += 1;
    const lost = this.random() * 100 < lossPercent;
    setTimeout(() => {
      this.queued -= 1;
    }, this.freeAtMs - now);
    setTimeout(
      () => {
        if (!lost && !this.cut && !this.off) this.arrived(packet);
      },
      this.freeAtMs + delayMs - now,
    );
  }

  private arrived(packet: Uint8Array): void {
    this.come.count(packet, false);
    this.arrive(packet);
  }
}
