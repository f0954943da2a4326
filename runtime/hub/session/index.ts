/** The hub's own session at its broker: it hears what devices say, and is heard by them. */
export { type BrokerAddress, connectHub, type HubClient } from "./connect.ts";
export type { Hearers } from "./hear.ts";
export { type HubSession, type HubSessionPorts, openHubSession } from "./session.ts";
export { reportText } from "./text.ts";
