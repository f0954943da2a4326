import { openSession, type Session, type SessionPorts, type SessionSpec } from "./session.ts";
import { type VersionEvent, versionsAfter, versionsFrom } from "./version.ts";

export interface EitherVersionPorts {
  /** What `keep` was given last. */
  readonly untilMs: number | null;
  /** Until then MQTT 3.1.1 is spoken (milliseconds since 1970); null: 5. */
  keep(untilMs: number | null): void;
  /** Milliseconds since 1970. */
  wallMs(): number;
}

export type OpenSession = (spec: Omit<SessionSpec, "protocol">, ports: SessionPorts) => Session;

/** Opens the sessions of one client, in MQTT 5 or, with a broker that knows nothing newer, in 3.1.1. */
export function eitherVersion({ untilMs, keep, wallMs }: EitherVersionPorts): OpenSession {
  let versions = versionsFrom(untilMs, wallMs());
  const heard = (event: VersionEvent): void => {
    const before = versions.untilMs;
    versions = versionsAfter(versions, event, wallMs());
    if (versions.untilMs !== before) keep(versions.untilMs);
  };
  return (spec, ports) => {
    heard({ kind: "begin" });
    return openSession(
      { ...spec, protocol: versions.next },
      {
        ...ports,
        online() {
          heard({ kind: "online" });
          ports.online();
        },
        closed(end) {
          if (end.kind === "refused" || end.kind === "unanswered") heard(end);
          ports.closed(end);
        },
      },
    );
  };
}
