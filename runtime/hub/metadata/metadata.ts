import { markOf, metaCheck } from "../../fleet/metadata/index.ts";
import { type DeviceId, type FleetName, isMetaKey } from "../../fleet/terms/index.ts";
import {
  type DeviceMeta,
  type DeviceState,
  encodeUserMeta,
  topic,
  limits as wireLimits,
} from "../../fleet/wire/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { MetaChange, MetaRecords, MetaStanding } from "../database/index.ts";
import { inTurn } from "../in-turn.ts";
import type { OrderSigner } from "../signing/index.ts";
import { messagesOf } from "./messages.ts";

export interface MetadataPorts {
  readonly fleet: FleetName;
  readonly records: MetaRecords;
  readonly signer: Pick<OrderSigner, "seal">;
  /** True: the broker has acknowledged it, and keeps it so many seconds for a device that is away. */
  publish(topic: string, bytes: Uint8Array, expiryS: number): Promise<boolean>;
  /** There is something to publish. */
  wanted(): void;
  /** Has the device connect again, and say anew what it listens to. */
  endSession(device: DeviceId): void;
  /** Milliseconds since 1970. */
  now(): number;
}

export type MetaFault =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "value"; readonly key: string }
  | { readonly kind: "tooMuch" };

/** What the hub shows of a device's metadata. */
export interface MetaView {
  readonly user: ReadonlyMap<string, string>;
  /** The device has all of that. */
  readonly taken: boolean;
  readonly device: ReadonlyMap<string, string>;
}

/** Metadata of devices: what they tell of themselves, and what operators want them to have. */
export interface Metadata {
  view(device: DeviceId): Promise<MetaView>;
  change(device: DeviceId, change: MetaChange, who: string): Promise<Result<void, MetaFault>>;
  /** A report: does the device have what it should, and the hub what it told? */
  state(device: DeviceId, state: DeviceState): Promise<void>;
  /** False: nobody knows the device, or it says too much. */
  told(device: DeviceId, message: DeviceMeta): Promise<boolean>;
  /** Publishes what is due, as far as the broker takes it. */
  run(): Promise<void>;
}

export const limits = {
  user: { keysMax: 128, bytesMax: 64 << 10 },
  device: { keysMax: 512, bytesMax: 64 << 10 },
} as const;

/** A device that is away longer says what it lacks when it is back. */
const EXPIRY_S = 60;
/** What was published a moment ago is still on its way. */
const UNDER_WAY_MS = 10_000;
const ASK_AGAIN_MS = 86_400_000;
/** A device that reports, and lacks for so long what each report was answered with, does not hear: or cannot keep it, which costs a connection a day. */
const [UNHEARD_MS, END_AGAIN_MS] = [3_600_000, 86_400_000];
const AT_ONCE = 16;

export function openMetadata({ fleet, records, signer, publish, wanted, endSession, now }: MetadataPorts): Metadata {
  /** Since when, and when the session was ended for it. */
  const lacking = new Map<DeviceId, { readonly sinceMs: number; readonly endedMs: number }>();

  function lacks(device: DeviceId): void {
    const { sinceMs, endedMs } = lacking.get(device) ?? { sinceMs: now(), endedMs: Number.NEGATIVE_INFINITY };
    const ends = now() - sinceMs > UNHEARD_MS && now() - endedMs > END_AGAIN_MS;
    lacking.set(device, { sinceMs, endedMs: ends ? now() : endedMs });
    if (ends) endSession(device);
  }

  async function send({ device, taken, asked }: MetaStanding): Promise<boolean> {
    const { sequence } = await records.standing(device);
    const rows = await records.since(device, taken);
    const to = { fleet, device, leaf: "n/u" } as const;
    for (const message of messagesOf(rows, { from: taken, to: sequence, asked })) {
      const bytes = await signer.seal(to, encodeUserMeta(message));
      if (!(await publish(topic(fleet, device, "n/u"), bytes, EXPIRY_S))) return false;
    }
    await records.markSent(device, sequence, now());
    return true;
  }

  async function once(): Promise<void> {
    for (;;) {
      const unsent = await records.unsent(AT_ONCE);
      const taken = await Promise.all(unsent.map(send));
      if (unsent.length < AT_ONCE || taken.includes(false)) return;
    }
  }

  async function compare(device: DeviceId, check: string): Promise<boolean> {
    const here = [...(await records.device(device))].map(([key, value]) => [key, markOf(value)] as const);
    return metaCheck(new Map(here)) === check;
  }

  return {
    async view(device) {
      const { sequence, taken } = await records.standing(device);
      const [user, told] = [await records.user(device), await records.device(device)];
      return { user, taken: sequence === taken, device: told };
    },
    async change(device, change, who) {
      const wrong = [...change.set.keys(), ...change.remove].find((key) => !isMetaKey(key));
      if (wrong !== undefined) return err({ kind: "key", key: wrong });
      const long = [...change.set].find(
        ([, value]) => !value.isWellFormed() || Buffer.byteLength(value) > wireLimits.metadataValueBytesMax,
      );
      if (long !== undefined) return err({ kind: "value", key: long[0] });
      const changed = await records.changeUser(device, change, limits.user, { who, atMs: now() });
      if (!changed) return err({ kind: "tooMuch" });
      wanted();
      return ok(undefined);
    },
    async state(device, { userMeta, deviceMeta }) {
      const before = await records.standing(device);
      const taken = userMeta ?? 0;
      await records.take(device, taken);
      const isLost = taken < before.sent && now() - before.sentMs > UNDER_WAY_MS;
      if (taken >= before.sent) lacking.delete(device);
      if (isLost) {
        await records.unmarkSent(device);
        lacks(device);
      }
      const mayAsk = deviceMeta !== null && now() - before.askedMs > ASK_AGAIN_MS;
      if (mayAsk && !(await compare(device, deviceMeta))) await records.ask(device, now());
      wanted();
    },
    told: (device, { set, remove, how: { whole } }) =>
      records.changeDevice(device, { set, remove, whole }, limits.device),
    run: inTurn(once),
  };
}
