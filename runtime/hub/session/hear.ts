import type { DeviceId, Presence } from "../../fleet/terms/index.ts";
import {
  type BlockRequest,
  type CommandResult,
  type DeviceMeta,
  type DeviceState,
  decodeBlockRequest,
  decodeCommandResult,
  decodeDeviceMeta,
  decodeDeviceState,
  decodeLogs,
  decodePresence,
  decodeProgress,
  decodeRenewalRequest,
  explainWire,
  type Logs,
  leaves,
  type Progress,
  type RenewalRequest,
  type Topic,
  type WireFault,
} from "../../fleet/wire/index.ts";
import type { Result } from "../../result.ts";

/** Who takes what devices say. `false`: there is nothing that it could be about. */
export interface Hearers {
  state(device: DeviceId, state: DeviceState): Promise<boolean>;
  presence(device: DeviceId, presence: Presence): Promise<boolean>;
  progress(device: DeviceId, progress: Progress): Promise<boolean>;
  result(device: DeviceId, result: CommandResult): Promise<boolean>;
  logs(device: DeviceId, logs: Logs): Promise<boolean>;
  deviceMeta(device: DeviceId, message: DeviceMeta): Promise<boolean>;
  renewal(device: DeviceId, request: RenewalRequest): Promise<boolean>;
  /** Nothing else is heard before it returns. */
  request(device: DeviceId, request: BlockRequest): void;
}

/** Hands a message on; otherwise how a sentence about the device goes on. */
export async function hear({ device, leaf }: Topic, bytes: Uint8Array, hearers: Hearers): Promise<string | null> {
  // What was retained is taken away so, by the hub itself when a device is out.
  if (leaves[leaf].retained && bytes.length === 0) return null;
  switch (leaf) {
    case "u/s":
      return taken(decodeDeviceState(bytes), (state) => hearers.state(device, state), " reports, and is not known");
    case "u/l":
      return taken(decodePresence(bytes), (presence) => hearers.presence(device, presence), " is not known");
    case "u/p":
      return taken(
        decodeProgress(bytes),
        (progress) => hearers.progress(device, progress),
        " tells of an order that it was not given",
      );
    case "u/r":
      return taken(
        decodeCommandResult(bytes),
        (result) => hearers.result(device, result),
        " answers a command that it was not given",
      );
    case "u/g":
      return taken(
        decodeLogs(bytes),
        (logs) => hearers.logs(device, logs),
        " sends log lines that nobody asked for, or that are none",
      );
    case "u/q":
      return taken(
        decodeBlockRequest(bytes),
        async (request) => {
          hearers.request(device, request);
          return true;
        },
        "",
      );
    case "u/d":
      return taken(
        decodeDeviceMeta(bytes),
        (message) => hearers.deviceMeta(device, message),
        " tells more metadata than is kept, or is not known",
      );
    case "u/k":
      return taken(
        decodeRenewalRequest(bytes),
        (request) => hearers.renewal(device, request),
        " asks for a certificate, and is not of the fleet",
      );
    default:
      return null;
  }
}

async function taken<T>(
  read: Result<T, WireFault>,
  take: (message: T) => Promise<boolean>,
  otherwise: string,
): Promise<string | null> {
  if (!read.ok) return `: ${explainWire(read.error)}`;
  return (await take(read.value)) ? null : otherwise;
}
