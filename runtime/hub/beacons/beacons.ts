import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { type DeviceState, topic } from "../../fleet/wire/index.ts";
import type { BeaconRecords } from "../database/index.ts";
import { inTurn } from "../in-turn.ts";
import type { OrderSigner } from "../signing/index.ts";

export interface BeaconsPorts {
  readonly fleet: FleetName;
  readonly records: BeaconRecords;
  readonly signer: Pick<OrderSigner, "sealBeacon">;
  /** True: the broker has acknowledged it. */
  publish(topic: string, bytes: Uint8Array): Promise<boolean>;
  /** There is something to publish. */
  wanted(): void;
  /** Milliseconds since 1970. */
  now(): number;
}

/** What time it is, and which order key follows the one that it has, told to each device for itself: it answers what they report, so that those who are away pile up nothing. */
export interface Beacons {
  state(device: DeviceId, state: DeviceState): Promise<void>;
  /** Publishes what is due, as far as the broker takes it. */
  run(): Promise<void>;
}

/** Devices report once a day, a little earlier or later. */
const FRESH_S = 20 * 3600;
/** Who does not know the time gets an answer at once, though not each time that it asks. */
const PATIENCE_S = 30;
const AT_ONCE = 16;

export function openBeacons({ fleet, records, signer, publish, wanted, now }: BeaconsPorts): Beacons {
  const nowS = (): number => Math.floor(now() / 1000);

  /** A hub whose clock was put back does not tell of an earlier time: nobody would heed it. */
  async function give(due: Awaited<ReturnType<BeaconRecords["due"]>>[number]): Promise<boolean> {
    const time = Math.max(nowS(), due.lastS);
    const to = { fleet, device: due.device, leaf: "n/t" } as const;
    const taken = await publish(topic(fleet, due.device, "n/t"), signer.sealBeacon(to, time, due.epoch));
    if (taken) await records.given(due, time);
    return taken;
  }

  async function once(): Promise<void> {
    for (;;) {
      const due = await records.due(AT_ONCE);
      const taken = await Promise.all(due.map(give));
      if (due.length < AT_ONCE || taken.includes(false)) return;
    }
  }

  return {
    async state(device, { flags }) {
      const age = nowS() - (await records.lastS(device));
      if (age < (flags.clockUnknown ? PATIENCE_S : FRESH_S)) return;
      await records.want(device);
      wanted();
    },
    run: inTurn(once),
  };
}
