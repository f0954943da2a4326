/** The hub's own certificate authorities: one vouches for servers, the other for devices and for the hub as a client of the broker. */
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
