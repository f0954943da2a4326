/** Certificates that follow those of devices that end soon. */
export { openRenewals, type RenewalsPorts } from "./renewals.ts";
