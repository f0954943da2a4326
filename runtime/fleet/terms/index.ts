/** What a fleet calls things: its devices and itself, and the states that they are in. Pure, and quick to load. */
export { base32, type DeviceId, type FleetName, idOf, parseDeviceId, parseFleetName } from "./identity.ts";
export { isMetaKey } from "./metadata.ts";
export { FIRST_EPOCH } from "./order-key.ts";
export { renewalDueMs } from "./renewal.ts";
export {
  type ContainerStatus,
  containerStatuses,
  type Operation,
  type Outcome,
  operations,
  outcomes,
  type Phase,
  type Presence,
  phases,
  presences,
  type Reason,
  reasons,
  type UpdateStatus,
  updateStatuses,
} from "./words.ts";
