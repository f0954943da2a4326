import type { DeviceId } from "../../fleet/terms/index.ts";
import type { HubDatabase } from "../database/index.ts";

export interface ShutOutPorts {
  readonly database: Pick<HubDatabase, "findDevice">;
  /** Ends what a device that is out has open. */
  endSession(id: DeviceId): Promise<void>;
  /** Takes away what the broker keeps of it. */
  clear(id: DeviceId): Promise<unknown>;
  /** Milliseconds since 1970. */
  now(): number;
  log(line: string): void;
}

/** Who comes back as often as it can is ended so often. */
const AGAIN_MS = 60_000;

/**
 * Whether a device is to be heard: one that was revoked is not. A broker that somebody else runs may let it in until it has the new list, so
 * that its session is ended whenever it is heard, as often as makes sense.
 */
export function openShutOut({ database, endSession, clear, now, log }: ShutOutPorts) {
  const endedMs = new Map<DeviceId, number>();

  async function end(id: DeviceId): Promise<void> {
    log(`device ${id} was revoked, and the broker let it in: its session is ended`);
    try {
      await endSession(id);
      await clear(id);
    } catch (thrown) {
      log(String(thrown));
    }
  }

  return async (id: DeviceId): Promise<boolean> => {
    if ((await database.findDevice(id))?.status !== "revoked") return true;
    const nowMs = now();
    if (nowMs - (endedMs.get(id) ?? 0) >= AGAIN_MS) {
      endedMs.set(id, nowMs);
      void end(id); // the others are heard meanwhile
    }
    return false;
  };
}
