import { type ContainerStatus, containerStatuses, updateStatuses } from "../../terms/index.ts";
import { count, dictionary, flags, hex, keyed, oneOf, optional, text, turned, uint, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";
import { containerName, revisionName } from "../names.ts";

export interface ContainerReport {
  readonly status: ContainerStatus;
  readonly goalReached: boolean;
}

/** One number: the status's place in its list, times two, and one more when the goal is reached. */
const containerReport = turned(
  uint,
  "a status and whether the goal is reached",
  (packed): ContainerReport | null => {
    const status = containerStatuses[packed >> 1];
    return status === undefined ? null : { status, goalReached: (packed & 1) === 1 };
  },
  ({ status, goalReached }) => 2 * containerStatuses.indexOf(status) + Number(goalReached),
);

/** u/s: the whole of it, each time. */
const deviceState = keyed({
  /** Of the last desired revision that came; 0: none yet. */
  sequence: [1, uint],
  running: [2, revisionName],
  /** The first 8 bytes of the running state's digest, as 16 hexadecimal digits. */
  stateDigestPrefix: [3, hex(8)],
  status: [4, oneOf(updateStatuses)],
  containers: [5, dictionary(containerName, containerReport, limits.containersMax)],
  /** Sent and received since the day and the month began. */
  bytes: [6, keyed({ day: [1, count], month: [2, count] })],
  /** `local`: a revision of the device's own runs, and the hub has no say. */
  flags: [7, flags(["clockUnknown", "safeMode", "local"])],
  /** Of Cairn. */
  version: [8, text(limits.versionBytesMax)],
  /** The sequence of user-meta, as far as it has come; null: none has. */
  userMeta: [9, optional(uint)],
  /** Of the device-meta that was told, a check (`fleet/metadata`); null: nothing was told, or some is under way. */
  deviceMeta: [10, optional(hex(4))],
  /** Of the newest of the hub's order keys that the device has; null: the first. */
  orderEpoch: [11, optional(uint)],
});

export type DeviceState = ValueOf<typeof deviceState>;
export const { encode: encodeDeviceState, decode: decodeDeviceState } = message("u/s", deviceState);
