/** One connection of a device to its broker: MQTT over TLS, its certificate against the hub's authority, every byte counted. */
export { type EitherVersionPorts, eitherVersion, type OpenSession } from "./either-version.ts";
export {
  explainEnd,
  openSession,
  type Publication,
  type Session,
  type SessionEnd,
  type SessionPorts,
  type SessionSpec,
} from "./session.ts";
export { untilSubscribed } from "./until-subscribed.ts";
