import type { State } from "../pipe/index.ts";
import { type DeviceState, encodeDeviceState } from "../wire/index.ts";

/** `u/s`: the whole state of the device as the hub gets it. */
export function report(
  state: State,
  more: Pick<DeviceState, "sequence" | "bytes" | "version" | "userMeta" | "deviceMeta" | "orderEpoch"> & {
    readonly clockUnknown: boolean;
  },
): Uint8Array {
  const { running, stateDigest, status, containers, safeMode, local } = state;
  return encodeDeviceState({
    sequence: more.sequence,
    running,
    stateDigestPrefix: stateDigest.slice(0, 16),
    status,
    containers: new Map(containers.map(({ name, ...how }) => [name, how])),
    bytes: more.bytes,
    flags: { clockUnknown: more.clockUnknown, safeMode, local },
    version: more.version,
    userMeta: more.userMeta,
    deviceMeta: more.deviceMeta,
    orderEpoch: more.orderEpoch,
  });
}
