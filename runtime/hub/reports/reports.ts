import type { Session, SessionPorts } from "../../fleet/session/index.ts";
import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { type DeviceState, decodeDeviceState, explainWire, parseTopic } from "../../fleet/wire/index.ts";

export interface ReportsPorts {
  readonly fleet: FleetName;
  connect(ports: SessionPorts): Session;
  /** Keeps the state that a device reports; false: no such device is known. */
  keep(device: DeviceId, state: DeviceState): Promise<boolean>;
  setTimer(ms: number, fire: () => void): () => void;
  /** A line of the log. */
  log(line: string): void;
}

export interface Reports {
  stop(): void;
}

const [FIRST_WAIT_MS, WAIT_MAX_MS] = [250, 10_000];

/**
 * Listens to what devices say, for as long as the hub runs: a message is acknowledged when it is kept, so nothing of it is lost when the hub
 * or its broker goes away. What no device of this fleet would say is logged and passed over.
 */
export function openReports(ports: ReportsPorts): Reports {
  let waitMs = FIRST_WAIT_MS;
  let stopped = false;
  let stopTimer = (): void => {};
  let session = begin();

  function begin(): Session {
    return ports.connect({
      online: () => {
        waitMs = FIRST_WAIT_MS;
      },
      message: hear,
      ticket: () => {},
      closed(end) {
        if (stopped) return;
        const why =
          end.kind === "lost" ? end.problem : end.kind === "refused" ? `refused, reason ${end.code}` : "ended";
        ports.log(`the broker is gone (${why}); the next attempt is in ${waitMs} ms`);
        stopTimer = ports.setTimer(waitMs, () => {
          session = begin();
        });
        waitMs = Math.min(WAIT_MAX_MS, 2 * waitMs);
      },
    });
  }

  async function hear(text: string, bytes: Uint8Array): Promise<void> {
    const at = parseTopic(text);
    if (!at.ok) return ports.log(explainWire(at.error));
    const { fleet, device, leaf } = at.value;
    if (fleet !== ports.fleet || leaf !== "u/s") return;
    const state = decodeDeviceState(bytes);
    if (!state.ok) return ports.log(`device ${device}: ${explainWire(state.error)}`);
    if (!(await ports.keep(device, state.value))) ports.log(`device ${device} reports, and is not known`);
  }

  return {
    stop() {
      stopped = true;
      stopTimer();
      session.end();
    },
  };
}
