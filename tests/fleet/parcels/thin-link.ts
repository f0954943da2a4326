/** A hub and a link to it that lose, repeat, reorder and cut off, on a virtual clock. */
import type { Mover } from "../../../runtime/fleet/parcels/index.ts";
import type { Block, BlockRequest, Parcel } from "../../../runtime/fleet/wire/index.ts";
import type { Clock } from "../../sim/clock.ts";
import type { Rng } from "../../sim/rng.ts";

export interface LinkFaults {
  /** A block does not arrive. */
  readonly lost: number;
  readonly twice: number;
  /** It comes some seconds later than those after it. */
  readonly late: number;
  /** Something that nobody has asked for comes instead. */
  readonly forged: number;
}

export interface ThinLink {
  readonly bytesPerS: number;
  readonly delayMs: number;
  readonly faults: LinkFaults;
}

export const perfect: LinkFaults = { lost: 0, twice: 0, late: 0, forged: 0 };

/** What a block costs beside its bytes: CBOR, MQTT, TLS, and its part of TCP and IP. */
const HEADS_BYTES = 90;

/** A hub that has one parcel for one object. */
export class PlayedHub {
  /** Bytes that came to the device. */
  received = 0;
  asked = 0;
  private generation = 0;
  private freeAtMs = 0;

  constructor(
    private readonly rng: Rng,
    private readonly clock: Clock,
    readonly link: ThinLink,
    /** Another one each time that it likes. */
    public parcel: (
      candidates: BlockRequest["candidates"],
    ) => { readonly what: Parcel; readonly bytes: Uint8Array } | null,
  ) {}

  /** The connection is gone: what is on its way does not arrive. */
  cut(): void {
    this.generation += 1;
    this.freeAtMs = 0;
  }

  ask(request: BlockRequest, to: Mover): void {
    this.asked += 1;
    const of = this.parcel(request.candidates);
    const first = request.missing.some(({ from }) => from === 0);
    const other = request.parcel !== (of?.what.digest.slice(0, 16) ?? null);
    if (other && !first) this.send(this.blockOf(request, 0, of), to);
    for (const { from, count } of request.missing) {
      for (let index = from; index < from + count; index += 1) {
        if (index > 0 && (of === null || index * request.blockBytes >= of.bytes.length)) break;
        this.send(this.blockOf(request, index, of), to);
      }
    }
  }

  private blockOf({ transfer, blockBytes }: BlockRequest, index: number, of: ReturnType<PlayedHub["parcel"]>): Block {
    const bytes = of?.bytes.slice(index * blockBytes, (index + 1) * blockBytes) ?? new Uint8Array();
    return { transfer, index, bytes, parcel: index === 0 ? (of?.what ?? null) : null };
  }

  private send(block: Block, to: Mover): void {
    const { rng, clock, link } = this;
    const { lost, twice, late, forged } = link.faults;
    const bytes = block.bytes.length + HEADS_BYTES;
    const begins = Math.max(clock.now() + link.delayMs, this.freeAtMs);
    const ends = begins + (1000 * bytes) / link.bytesPerS;
    this.freeAtMs = ends;
    const { generation } = this;
    const arrives = (delayMs: number, what: Block): void =>
      void clock.set(ends + delayMs - clock.now(), () => {
        if (generation !== this.generation) return;
        this.received += bytes;
        void to.block(what);
      });
    if (rng.chance(lost)) return;
    arrives(rng.chance(late) ? rng.below(5_000) : 0, block);
    if (rng.chance(twice)) arrives(rng.below(2_000), block);
    if (rng.chance(forged)) arrives(0, this.forged(block));
  }

  private forged(block: Block): Block {
    const { rng } = this;
    switch (rng.below(4)) {
      case 0:
        return { ...block, transfer: block.transfer + 1 + rng.below(5) };
      case 1:
        return { ...block, index: block.index + rng.below(40), parcel: null };
      case 2:
        return { ...block, bytes: rng.bytes(rng.below(17_000)), parcel: null };
      default:
        return { ...block, index: rng.below(2 ** 32), bytes: rng.bytes(16_384), parcel: null };
    }
  }
}
