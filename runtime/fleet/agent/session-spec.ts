import type { Broker } from "../enrol/index.ts";
import type { Settings } from "../pipe/index.ts";
import type { SessionSpec } from "../session/index.ts";
import { encodePresence, topic, topicsTo } from "../wire/index.ts";
import { PACKET_BYTES_MAX } from "./connection.ts";
import type { Member } from "./member.ts";

/** How long the broker keeps what it has for a device that is away. */
const SESSION_EXPIRY_S = 7 * 24 * 3600;
const RECEIVE_MAX = 4;

/** How the device presents itself at its broker. */
export function specOf(
  member: Member,
  broker: Broker,
  settings: Settings,
): Omit<SessionSpec, "ticket" | "certificate" | "protocol" | "unreadBytesMax"> {
  const { id, fleet, key } = member;
  const { proxy = null, authority, keepaliveS } = settings;
  return {
    ...broker,
    proxy,
    authority: broker.authority ?? authority,
    foreign: broker.authority !== undefined,
    key,
    id,
    keepaliveS,
    expiryS: SESSION_EXPIRY_S,
    packetBytesMax: PACKET_BYTES_MAX,
    receiveMax: RECEIVE_MAX,
    will: { topic: topic(fleet, id, "u/l"), bytes: encodePresence("gone"), delayS: 2 * keepaliveS },
    topics: topicsTo(fleet, id),
  };
}
