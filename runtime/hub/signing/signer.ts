import type { DeviceId } from "../../fleet/terms/index.ts";
import { encodeBeacon, type SignedLeaf, sealAgain, sealSigned, type Topic } from "../../fleet/wire/index.ts";
import type { OrderKeys } from "../authority/index.ts";

export interface SignerPorts {
  readonly keys: OrderKeys;
  /** Of the order key that a device has. */
  epochOf(device: DeviceId): Promise<number>;
}

/** Who has a key that is not here is written to with the newest one, and takes nothing. */
export interface OrderSigner {
  /** The newest. */
  readonly epoch: number;
  has(epoch: number): boolean;
  /** An envelope with the key that the device has. */
  seal(to: Topic<SignedLeaf>, payload: Uint8Array): Promise<Uint8Array>;
  /** One that was kept since {@link seal}, for the device that has the key of `epoch` by now. */
  sealAgain(to: Topic<SignedLeaf>, envelope: Uint8Array, epoch: number): Uint8Array;
  /** `n/t` for a device that has the key of `epoch`: the time, and the key after that. */
  sealBeacon(to: Topic<"n/t">, time: number, epoch: number): Uint8Array;
}

/** How a sentence about the device goes on. */
export const explainMissingKey = (epoch: number): string =>
  `has the order key of epoch ${epoch}, which is not in authority/: bring it back from a backup, or the device takes nothing from this hub until it enrols again`;

export function openSigner({ keys, epochOf }: SignerPorts): OrderSigner {
  const newest = keys.at(-1) ?? keys[0];
  const keyOf = (epoch: number) => keys.find((key) => key.epoch === epoch) ?? null;
  const keyFor = (epoch: number) => keyOf(epoch) ?? newest;

  return {
    epoch: newest.epoch,
    has: (epoch) => keyOf(epoch) !== null,
    async seal(to, payload) {
      const { epoch, sign } = keyFor(await epochOf(to.device));
      return sealSigned(to, payload, epoch, sign);
    },
    sealAgain(to, envelope, wanted) {
      const { epoch, sign } = keyFor(wanted);
      const sealed = sealAgain(to, envelope, epoch, sign);
      return sealed.ok ? sealed.value : envelope;
    },
    sealBeacon(to, time, wanted) {
      const { epoch, sign } = keyFor(wanted);
      const nextKey = keyOf(epoch + 1)?.publicKey ?? null;
      return sealSigned(to, encodeBeacon({ time, epoch, nextKey }), epoch, sign);
    },
  };
}
