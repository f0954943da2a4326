import type { Host } from "../../certificates/index.ts";
import { eitherVersion, type Session, type SessionPorts } from "../../fleet/session/index.ts";
import type { FleetName } from "../../fleet/terms/index.ts";
import { HUB_NAME } from "../authority/index.ts";
import { reachable } from "../broker/index.ts";

export interface BrokerAddress {
  /** Where it listens. */
  readonly host: Host;
  readonly port: number;
  /** Under which others reach it, as its certificate has it. */
  readonly name: Host;
}

/** PEM, all of it. */
export interface HubClient {
  /** Of servers. */
  readonly authority: string;
  /** Not the hub's own. */
  readonly foreign?: boolean;
  readonly certificate: string;
  readonly key: string;
}

const KEEPALIVE_S = 60;
/** What devices say while the hub is away waits for it. */
const EXPIRY_S = 7 * 24 * 3600;
const PACKET_BYTES_MAX = 20 << 10;
const RECEIVE_MAX = 64;

/** The hub as a client of its own broker, which need not be reachable from here under the name that others use. */
export function connectHub(fleet: FleetName, { host, port, name }: BrokerAddress, client: HubClient) {
  const open = eitherVersion({ untilMs: null, keep: () => {}, wallMs: Date.now });
  return (ports: SessionPorts): Session =>
    open(
      {
        ...client,
        host: reachable(host.text),
        serverName: name.text,
        port,
        id: HUB_NAME,
        keepaliveS: KEEPALIVE_S,
        expiryS: EXPIRY_S,
        packetBytesMax: PACKET_BYTES_MAX,
        receiveMax: RECEIVE_MAX,
        will: null,
        topics: `c/${fleet}/+/u/#`,
        surely: true,
        ticket: null,
      },
      ports,
    );
}
