import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { type Leaf, leaves, topic } from "../../fleet/wire/index.ts";
import type { HubDatabase } from "../database/index.ts";
import { inTurn } from "../in-turn.ts";
import type { OrderSigner } from "../signing/index.ts";

export interface PublisherPorts {
  readonly fleet: FleetName;
  readonly database: Pick<HubDatabase, "releases" | "listUncleared" | "markCleared">;
  readonly signer: Pick<OrderSigner, "sealAgain">;
  /** True: the broker has acknowledged it. */
  publish(topic: string, bytes: Uint8Array, retain: boolean): Promise<boolean>;
  /** Milliseconds since 1970. */
  now(): number;
}

/**
 * Brings the broker to what the database says: orders that it has not acknowledged are published, and what it keeps of devices that are out
 * is taken away. Whatever ends in between is done again: the mark is set after the acknowledgement.
 */
export interface Publisher {
  /** Resolves when all is done that can be done now; what the broker did not take waits for the next call. Calls in between count as one. */
  run(): Promise<void>;
  /** Takes away what the broker keeps of a device; false: the broker is away. */
  clear(device: DeviceId): Promise<boolean>;
}

/** What a broker may keep of a device. */
const RETAINED: readonly Leaf[] = (Object.keys(leaves) as Leaf[]).filter((leaf) => leaves[leaf].retained);
const NOTHING = new Uint8Array();
/** Orders between two steps of the database, as many as brokers leave unacknowledged (MQTT 5 section 3.2.2.3.3). */
const AT_ONCE = 16;

export function openPublisher({ fleet, database, signer, publish, now }: PublisherPorts): Publisher {
  async function publishOrders(): Promise<void> {
    for (;;) {
      const orders = await database.releases.unpublished(AT_ONCE);
      const taken = await Promise.all(
        orders.map(({ device, envelope, epoch }) => {
          const bytes = signer.sealAgain({ fleet, device, leaf: "n/d" }, envelope, epoch);
          return publish(topic(fleet, device, "n/d"), bytes, true);
        }),
      );
      const known = orders.filter((_, at) => taken[at]);
      await database.releases.markPublished(known, now());
      if (orders.length < AT_ONCE || known.length < orders.length) return;
    }
  }

  async function clear(device: DeviceId): Promise<boolean> {
    for (const leaf of RETAINED) {
      if (!(await publish(topic(fleet, device, leaf), NOTHING, true))) return false;
    }
    await database.markCleared(device, now());
    return true;
  }

  async function once(): Promise<void> {
    for (const device of await database.listUncleared()) if (!(await clear(device))) return;
    await publishOrders();
  }

  return { run: inTurn(once), clear };
}
