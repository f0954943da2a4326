import { type DiskResult, explainDiskError } from "../../store/index.ts";
import { type Beacon, decodeBeacon, explainWire, openSigned, type Topic } from "../wire/index.ts";
import type { LinkClock } from "./clock.ts";
import { handover, newestEpoch, type OrderKeys } from "./handover.ts";

export interface TrustPorts {
  readonly keys: OrderKeys;
  /** Durable when it returns. */
  keep(keys: OrderKeys): DiskResult<void>;
  /** The hub has gone on to another key, and the device with it: it should hear of that. */
  followed(): void;
  readonly clock: LinkClock;
  warn(message: string): void;
}

/** Whom a device trusts, and since when: what its hub signs counts, if it is not older than what it signed before. */
export interface Trust {
  /** As they are at any time. */
  readonly keys: OrderKeys;
  /** Of the newest. */
  readonly epoch: number;
  beacon(at: Topic<"n/t">, envelope: Uint8Array): Promise<void>;
}

export function openTrust({ keep, followed, clock, warn, ...given }: TrustPorts): Trust {
  const keys = new Map(given.keys);

  /** What cannot be kept is not followed; the hub tells it again. */
  async function follow(signed: number, beacon: Beacon): Promise<void> {
    const next = handover(keys, signed, beacon);
    if (next === null) return;
    const kept = await keep(next);
    if (!kept.ok) return warn(`the hub's next order key is not kept: ${explainDiskError(kept.error)}`);
    keys.clear();
    for (const [epoch, key] of next) keys.set(epoch, key);
    followed();
  }

  return {
    keys,
    get epoch() {
      return newestEpoch(keys);
    },
    async beacon(at, envelope) {
      const opened = openSigned(at, envelope, keys);
      if (!opened.ok) return warn(explainWire(opened.error));
      const beacon = decodeBeacon(opened.value.payload);
      if (!beacon.ok) return warn(explainWire(beacon.error));
      await follow(opened.value.epoch, beacon.value);
      const atMs = beacon.value.time * 1000;
      if (atMs < clock.floorMs) return; // one of long ago, again
      clock.hubSays(atMs);
    },
  };
}
