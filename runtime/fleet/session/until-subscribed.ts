import type { Session, SessionPorts, SessionSpec } from "./session.ts";

/**
 * Opens the sessions of one client, each of which subscribes until the broker has surely written that down. A broker keeps a session from
 * CONNECT on, and one that is killed has what it last wrote: the session without its topics, of which it had told us that it knows them.
 * `now`: monotonic milliseconds.
 */
export function untilSubscribed<S extends Pick<SessionSpec, "surely">>(
  open: (spec: S, ports: SessionPorts) => Session,
  now: () => number = () => performance.now(),
): (spec: S, ports: SessionPorts) => Session {
  let known = false;
  return (spec, ports) => {
    let onlineMs: number | null = null;
    return open(
      { ...spec, surely: !known },
      {
        ...ports,
        forgotten() {
          known = false;
          ports.forgotten?.();
        },
        online() {
          onlineMs = now();
          ports.online();
        },
        closed(why) {
          if (onlineMs !== null && now() - onlineMs >= WRITTEN_MS) known = true;
          ports.closed(why);
        },
      },
    );
  };
}

/** A broker that was there for so long has written down what it keeps: Mosquitto unless told otherwise (autosave_interval of mosquitto.conf(5)). */
const WRITTEN_MS = 30 * 60_000;
