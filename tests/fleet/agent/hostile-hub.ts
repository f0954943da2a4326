/** A hub, a broker and a network that mean no good, for the connection of a device: sessions without a network, on a virtual clock. */
import { PACKET_BYTES_MAX } from "../../../runtime/fleet/agent/connection.ts";
import type { Session, SessionPorts } from "../../../runtime/fleet/session/index.ts";
import type { Clock } from "../../sim/clock.ts";
import type { Rng } from "../../sim/rng.ts";

/** How bad it is, each in [0, 1). */
export interface Malice {
  /** An attempt leads to nothing. */
  readonly refuses: number;
  /** Sends as much as it can, as long as it is let. */
  readonly floods: number;
  /** Sends what is no message, as much as it is let, and may never let the device in. */
  readonly babbles: number;
  /** A message is never acknowledged. */
  readonly forgets: number;
  /** Hangs up in the middle of something. */
  readonly hangsUp: number;
}

const CONNECT = { min: 2_600, max: 4_000 } as const;

/** `carried` hears of all bytes, when they go. */
export const hostileSession =
  (rng: Rng, clock: Clock, malice: Malice, carried: (bytes: number) => void) =>
  (ports: SessionPorts): Session => {
    let used = 0;
    let over = false;
    const probes: ((answered: boolean) => void)[] = [];
    const use = (bytes: number): void => {
      used += bytes;
      carried(bytes);
    };
    const later = (ms: number, then: () => void): void => void clock.set(ms, () => over || then());
    const close = (kind: "ended" | "lost"): void => {
      if (over) return;
      over = true;
      for (const answer of probes) answer(false);
      ports.closed(kind === "ended" ? { kind } : { kind, problem: "cut" });
    };
    const came = async (): Promise<void> => ports.came?.();
    const flood = (): void => {
      const bytes = 1 + rng.below(PACKET_BYTES_MAX - 200);
      use(bytes + 120);
      came()
        .then(() => ports.message("c/f/d/n/o", new Uint8Array(bytes)))
        .then(() => later(rng.below(3_000), flood));
    };
    const babble = (): void => {
      use(1 + rng.below(PACKET_BYTES_MAX - 200));
      came().then(() => later(rng.below(3_000), babble));
    };
    later(100 + rng.below(3_000), () => {
      use(CONNECT.min + rng.below(CONNECT.max - CONNECT.min));
      const babbles = rng.chance(malice.babbles);
      if (babbles) later(rng.below(1_000), babble);
      if (rng.chance(malice.refuses)) return babbles ? undefined : close("lost");
      ports.online();
      if (!babbles && rng.chance(malice.floods)) later(rng.below(1_000), flood);
      if (rng.chance(malice.hangsUp)) later(rng.below(3_600_000), () => close("lost"));
      const ping = (): void => {
        use(204);
        later(29 * 60_000, ping);
      };
      later(29 * 60_000, ping);
    });
    return {
      publish: ({ bytes }) =>
        new Promise((resolve) => {
          if (over) return resolve(false);
          use(bytes.length + 100 + rng.below(250));
          if (rng.chance(malice.forgets)) return;
          clock.set(100 + rng.below(3_000), () => resolve(!over));
        }),
      widen() {},
      probe: () =>
        new Promise((resolve) => {
          if (over) return resolve(false);
          probes.push(resolve);
          use(204);
          if (!rng.chance(malice.forgets)) clock.set(100 + rng.below(3_000), () => resolve(!over));
        }),
      end: () => later(rng.below(2_000), () => close("ended")),
      drop: () => close("lost"),
      usedBytes: () => used,
    };
  };
