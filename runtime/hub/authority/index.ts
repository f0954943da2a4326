/** The hub's own certificate authority: it vouches for devices, for the hub's server and for the hub as a client of the broker. */
export {
  type Authority,
  certifyAuthority,
  certifyDevice,
  certifyHub,
  certifyServer,
  certifyTakeOver,
  deviceOf,
  HUB_NAME,
  isRenewalDue,
  listRevoked,
  sameKey,
} from "./authority.ts";
export {
  authorityFiles,
  type Certified,
  explainKeep,
  type HubKeys,
  type KeepFault,
  type KeepOptions,
  type OrderKey,
  openKeys,
} from "./keep.ts";
