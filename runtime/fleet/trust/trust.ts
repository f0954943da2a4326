import { decodeBeacon, explainWire, openSigned, type Topic } from "../wire/index.ts";
import type { LinkClock } from "./clock.ts";

export interface TrustPorts {
  /** The hub's order keys, by epoch. */
  readonly keys: ReadonlyMap<number, Uint8Array>;
  readonly clock: LinkClock;
  warn(message: string): void;
}

/** Whom a device trusts, and since when: what its hub signs counts, if it is not older than what it signed before. */
export interface Trust {
  readonly keys: ReadonlyMap<number, Uint8Array>;
  beacon(at: Topic<"n/t">, envelope: Uint8Array): Promise<void>;
}

export function openTrust({ keys, clock, warn }: TrustPorts): Trust {
  return {
    keys,
    async beacon(at, envelope) {
      const opened = openSigned(at, envelope, keys);
      const beacon = opened.ok ? decodeBeacon(opened.value.payload) : opened;
      if (!beacon.ok) return warn(explainWire(beacon.error));
      const atMs = beacon.value.time * 1000;
      if (atMs < clock.floorMs) return; // one of long ago, again
      clock.hubSays(atMs);
    },
  };
}
