/** What a device knows of the time and of its hub's keys, and how the hub's beacon changes that. */
export { beginningOf } from "./authority.ts";
export { LinkClock, type LinkClockPorts } from "./clock.ts";
export { handover, type OrderKeys } from "./handover.ts";
export { openTrust, type Trust, type TrustPorts } from "./trust.ts";
