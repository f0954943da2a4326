/** Who a device is, for its hub. */
export { deviceIdOf } from "./device-id.ts";
export { explainIdentity, type Identity, type IdentityError, openIdentity } from "./identity.ts";
