import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { encodeRenewal, type RenewalRequest, topic } from "../../fleet/wire/index.ts";
import type { Registry } from "../registry/index.ts";
import type { OrderSigner } from "../signing/index.ts";

export interface RenewalsPorts {
  readonly fleet: FleetName;
  readonly registry: Pick<Registry, "renew">;
  readonly signer: Pick<OrderSigner, "seal">;
  /** The broker keeps it so many seconds for a device that is away. */
  publish(topic: string, bytes: Uint8Array, expiryS: number): Promise<boolean>;
  log(line: string): void;
}

/** A device asks again once a day. */
const EXPIRY_S = 3600;

/** Answers a device whose certificate ends soon. False: it is not one of the fleet. */
export const openRenewals =
  ({ fleet, registry, signer, publish, log }: RenewalsPorts) =>
  async (device: DeviceId, { notAfter }: RenewalRequest): Promise<boolean> => {
    const renewed = await registry.renew(device, notAfter * 1000);
    if (renewed.kind !== "renewed") return renewed.kind === "tooEarly";
    const to = { fleet, device, leaf: "n/k" } as const;
    const payload = encodeRenewal({ certificate: renewed.certificate });
    const bytes = await signer.seal(to, payload);
    // Its acknowledgement comes after what is being heard now.
    void publish(topic(fleet, device, "n/k"), bytes, EXPIRY_S).catch((thrown) => log(`publish: ${String(thrown)}`));
    return true;
  };
