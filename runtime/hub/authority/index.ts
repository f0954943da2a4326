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
export { explainKeep, type KeepFault } from "./files.ts";
export {
  authorityFiles,
  type Certified,
  type HubKeys,
  type KeepOptions,
  openKeys,
} from "./keep.ts";
export { type OrderKey, type OrderKeys, openOrderKey, openOrderKeys } from "./order-keys.ts";
