import type { Session, SessionPorts, SessionSpec } from "./session.ts";

/**
 * Opens the sessions of one client, each of which subscribes until one has got through with that: a broker keeps a session from CONNECT on,
 * and keeps it without its topics when the connection, or the broker, ends before it has heard of them.
 */
export function untilSubscribed<S extends Pick<SessionSpec, "surely">>(
  open: (spec: S, ports: SessionPorts) => Session,
): (spec: S, ports: SessionPorts) => Session {
  let known = false;
  return (spec, ports) =>
    open(
      { ...spec, surely: !known },
      {
        ...ports,
        forgotten() {
          known = false;
          ports.forgotten?.();
        },
        online() {
          known = true;
          ports.online();
        },
      },
    );
}
