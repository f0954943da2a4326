/** The other end of datagrams that means no good, and a network that loses some: on a virtual clock. */
import { HEADER_BYTES, type OpenDatagramSocket } from "../../../runtime/fleet/datagrams/index.ts";
import {
  BLOCK_BYTES,
  blockDatagram,
  cookieDatagram,
  keysOf,
  readRequest,
} from "../../../runtime/fleet/sealed/index.ts";
import type { Clock } from "../../sim/clock.ts";
import type { Rng } from "../../sim/rng.ts";

/** How bad it is, each in [0, 1). */
export interface DatagramMalice {
  /** A datagram does not arrive. */
  readonly loses: number;
  /** An answer has another cookie in it and nothing else. */
  readonly cookies: number;
  /** A block is sent again. */
  readonly repeats: number;
  /** A block is none of this parcel. */
  readonly forges: number;
  /** Sends what nobody asked for, as long as somebody listens. */
  readonly spams: number;
}

const DATAGRAM_BYTES_MAX = 1_472;
const headerBytes = HEADER_BYTES[4];

/** What waits longer in the network is dropped there. */
const BYTES_PER_MS = 2;
const QUEUE_MS = 4_000;

/** `carried` hears of all bytes that the device has a say in: what nobody asked for counts as long as it listens. */
export const hostileDatagrams =
  (
    rng: Rng,
    clock: Clock,
    malice: DatagramMalice,
    parcel: { readonly key: Uint8Array; readonly bytes: number },
    carried: (bytes: number) => void,
  ): OpenDatagramSocket =>
  async (_, heard) => {
    const keys = keysOf(parcel.key);
    let open = true;
    let freeMs = clock.now();
    const send = (datagram: Uint8Array, wanted: boolean): void => {
      const bytes = datagram.length + headerBytes;
      if (rng.chance(malice.loses) || freeMs - clock.now() > QUEUE_MS) return;
      freeMs = Math.max(freeMs, clock.now()) + bytes / BYTES_PER_MS;
      clock.set(freeMs - clock.now() + 750, () => {
        if (open || wanted) carried(bytes);
        if (open) heard(datagram);
      });
    };
    const spam = (): void => {
      if (!open) return;
      send(rng.bytes(1 + rng.below(DATAGRAM_BYTES_MAX)), false);
      clock.set(1_000 + rng.below(3_000), spam);
    };
    if (rng.chance(malice.spams)) spam();
    const answer = (datagram: Uint8Array): void => {
      const request = readRequest(keys, datagram);
      if (request === null) throw new Error("the device asks for nothing");
      if (request.cookie === null || rng.chance(malice.cookies)) {
        send(cookieDatagram(keys, rng.bytes(4)), true);
        return;
      }
      for (const { from, count } of request.runs) {
        for (let index = from; index < from + count; index += 1) {
          const bytes = new Uint8Array(Math.min(BLOCK_BYTES, parcel.bytes - index * BLOCK_BYTES));
          send(rng.chance(malice.forges) ? rng.bytes(BLOCK_BYTES + 16) : blockDatagram(keys, index, bytes), true);
          if (rng.chance(malice.repeats)) send(blockDatagram(keys, index, bytes), false);
        }
      }
    };
    return {
      headerBytes,
      send(datagram) {
        carried(datagram.length + headerBytes);
        if (!rng.chance(malice.loses)) clock.set(750, () => answer(datagram));
      },
      close() {
        open = false;
      },
    };
  };
