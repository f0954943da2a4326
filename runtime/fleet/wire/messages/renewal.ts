import { bytes, keyed, seconds, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";

/** u/k: the device's certificate ends soon. Another one is for the same key, which the hub knows, so nothing more needs to be said. */
const renewalRequest = keyed({
  /** When the one ends that the device has. */
  notAfter: [1, seconds],
});
export type RenewalRequest = ValueOf<typeof renewalRequest>;
export const { encode: encodeRenewalRequest, decode: decodeRenewalRequest } = message("u/k", renewalRequest);

/** n/k: another one. */
const renewal = keyed({
  /** X.509 in DER. */
  certificate: [1, bytes(limits.certificateBytesMax, 1)],
});
export type Renewal = ValueOf<typeof renewal>;
export const { encode: encodeRenewal, decode: decodeRenewal } = message("n/k", renewal);
