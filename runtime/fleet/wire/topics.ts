import { err, ok, type Result } from "../../result.ts";
import { type DeviceId, type FleetName, parseDeviceId, parseFleetName } from "../terms/index.ts";
import type { WireFault } from "./fault.ts";
import { isLeaf, type Leaf } from "./leaves.ts";

/** Where a message goes; asking for the `leaf` tells which topic it is. */
export type Topic<L extends Leaf = Leaf> = L extends Leaf
  ? { readonly fleet: FleetName; readonly device: DeviceId; readonly leaf: L }
  : never;

/** A topic as the broker knows it. */
export const topic = (fleet: FleetName, device: DeviceId, leaf: Leaf): string => `c/${fleet}/${device}/${leaf}`;

/** Everything that is for a device. */
export const topicsTo = (fleet: FleetName, device: DeviceId): string => `c/${fleet}/${device}/n/#`;

/** The way back. Topics come from a broker, which is not trusted. */
export function parseTopic(text: string): Result<Topic, WireFault> {
  const [top, fleetText = "", deviceText = "", ...rest] = text.split("/");
  const [fleet, device, leaf] = [parseFleetName(fleetText), parseDeviceId(deviceText), rest.join("/")];
  if (top !== "c" || fleet === null || device === null || !isLeaf(leaf)) return err({ kind: "topic", text });
  return ok({ fleet, device, leaf });
}
