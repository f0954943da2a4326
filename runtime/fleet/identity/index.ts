/** Who a device is, for its hub. */
export { explainIdentity, type Identity, type IdentityError, openIdentity } from "./identity.ts";
