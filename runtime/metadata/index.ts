/**
 * Device-meta and user-meta (reference section 9): flat maps of text that survive reboots, seen by containers as files, and what the
 * runtime itself says of the device.
 */
export {
  type DeviceFacts,
  type DeviceMeta,
  type DeviceMetaError,
  explainDeviceMeta,
  openDeviceMeta,
  pairsIn,
} from "./device.ts";
export { KEY_BYTES_MAX, KEYS_MAX, VALUE_BYTES_MAX } from "./key.ts";
export { explainMetadata, type Metadata, type MetadataError, type MetadataOptions, openMetadata } from "./metadata.ts";
