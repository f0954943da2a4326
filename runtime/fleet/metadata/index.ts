/** Metadata over the link: of the device what has changed, of the user what the hub wants here. */
export { markOf, metaCheck } from "./check.ts";
export { type DeviceMetaPorts, DeviceMetaReport } from "./device-meta.ts";
export { openUserMeta, type Taken, type UserMetaOrders, type UserMetaPorts } from "./user-meta.ts";
