import { explainEnd, type Publication, type Session, type SessionPorts } from "../../fleet/session/index.ts";
import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { explainWire, parseTopic } from "../../fleet/wire/index.ts";
import { type Hearers, hear } from "./hear.ts";

export interface HubSessionPorts {
  readonly fleet: FleetName;
  connect(ports: SessionPorts): Session;
  /** Who hears what. */
  readonly hearers: Hearers;
  /** False: the device was shut out, and nothing of it is heard. */
  heeds(device: DeviceId): Promise<boolean>;
  /** The broker is there, for the first time or again. */
  online(): void;
  setTimer(ms: number, fire: () => void): () => void;
  /** A line of the log. */
  log(line: string): void;
}

export interface HubSession {
  /** As a device's session does it (`fleet/session`); false also while there is no broker. */
  publish(publication: Publication): Promise<boolean>;
  stop(): void;
}

const [FIRST_WAIT_MS, WAIT_MAX_MS] = [250, 10_000];

/**
 * The hub's end of the broker, for as long as the hub runs: a message is acknowledged when it is kept, so nothing of it is lost when the hub
 * or its broker goes away; one that cannot be kept, as when the disk is full, comes again with the next connection. What no device of this fleet would say is logged and passed over.
 */
export function openHubSession(ports: HubSessionPorts): HubSession {
  let waitMs = FIRST_WAIT_MS;
  let [stopped, isOnline] = [false, false];
  /** The last message could not be kept. */
  let failing = false;
  let stopTimer = (): void => {};
  let session = begin();

  function begin(): Session {
    return ports.connect({
      online() {
        if (!failing) waitMs = FIRST_WAIT_MS;
        isOnline = true;
        ports.online();
      },
      message,
      ticket: () => {},
      closed(end) {
        isOnline = false;
        if (stopped) return;
        ports.log(`the broker is gone (${explainEnd(end)}); the next attempt is in ${waitMs} ms`);
        stopTimer = ports.setTimer(waitMs, () => {
          session = begin();
        });
        waitMs = Math.min(WAIT_MAX_MS, 2 * waitMs);
      },
    });
  }

  async function message(text: string, bytes: Uint8Array): Promise<void> {
    const at = parseTopic(text);
    if (!at.ok) return ports.log(explainWire(at.error));
    if (at.value.fleet !== ports.fleet) return;
    if (bytes.length > 0 && !(await ports.heeds(at.value.device))) return;
    failing = true;
    const problem = await hear(at.value, bytes, ports.hearers);
    failing = false;
    if (problem !== null) ports.log(`device ${at.value.device}${problem}`);
  }

  return {
    publish: (publication) => (isOnline ? session.publish(publication) : Promise.resolve(false)),
    stop() {
      stopped = true;
      isOnline = false;
      stopTimer();
      session.end();
    },
  };
}
