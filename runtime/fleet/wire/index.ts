/**
 * What device and hub say to each other over MQTT: the one description of it, for both (each message is a table in `messages/`).
 * CBOR maps with small numbers as keys; numbers that are not known are ignored, what is known is strict. Decoders never throw, and
 * look at nothing before its length. What the hub wants of a device is signed for that device's topic, because brokers are not trusted.
 * Pure: nothing here does I/O, and keys and times are given.
 */
export { explainWire, type WireFault } from "./fault.ts";
export { isLeaf, type Leaf, leaves, type SignedLeaf } from "./leaves.ts";
export { limits } from "./limits.ts";
export type { Verified } from "./message.ts";
export { type Beacon, decodeBeacon, encodeBeacon } from "./messages/beacon.ts";
export {
  type Block,
  type BlockRequest,
  decodeBlock,
  decodeBlockRequest,
  encodeBlock,
  encodeBlockRequest,
  type Parcel,
} from "./messages/blocks.ts";
export { type Command, decodeCommand, encodeCommand } from "./messages/command.ts";
export { type Desired, decodeDesired, encodeDesired } from "./messages/desired.ts";
export { decodeLogs, encodeLogs, type Logs } from "./messages/logs.ts";
export {
  type DeviceMeta,
  decodeDeviceMeta,
  decodeUserMeta,
  encodeDeviceMeta,
  encodeUserMeta,
  type UserMeta,
} from "./messages/metadata.ts";
export { decodeMetrics, encodeMetrics, type Metrics } from "./messages/metrics.ts";
export { decodePresence, encodePresence } from "./messages/presence.ts";
export { decodeProgress, encodeProgress, type Progress } from "./messages/progress.ts";
export {
  decodeRenewal,
  decodeRenewalRequest,
  encodeRenewal,
  encodeRenewalRequest,
  type Renewal,
  type RenewalRequest,
} from "./messages/renewal.ts";
export { type CommandResult, decodeCommandResult, encodeCommandResult } from "./messages/result.ts";
export { type ContainerReport, type DeviceState, decodeDeviceState, encodeDeviceState } from "./messages/state.ts";
export type { BlockRange } from "./ranges.ts";
export { openSigned, sealAgain, sealSigned } from "./signed.ts";
export { parseTopic, type Topic, topic, topicsTo } from "./topics.ts";
