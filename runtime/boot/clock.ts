import type { Clock } from "../fleet/pipe/index.ts";
import type { Logger } from "../logs/index.ts";
import type { Result } from "../result.ts";
import { type Disk, explainDiskError, readFile, saveFile } from "../store/index.ts";

export interface ClockPorts {
  readonly disk: Disk;
  /** Where the floor is kept. */
  readonly path: string;
  /** When the base system was made, in milliseconds since 1970; 0: not known. */
  readonly builtMs: number;
  readonly log: Pick<Logger, "info" | "warn">;
  wallMs(): number;
  /** The error is a sentence. */
  set(ms: number): Result<void, string>;
}

/**
 * The time of a device whose clock may have lost it: never before what the hub has signed last. The device's own clock is no witness,
 * since one that was wrong once would put the floor too high for ever.
 */
export interface DeviceClock {
  readonly now: Clock;
  /** It is at least so late, but nobody knows how late it is. */
  atLeast(ms: number): void;
  /** So late it was when the hub said so. That is kept, and the machine's clock goes there if it is behind. */
  hubSays(ms: number): Promise<void>;
}

const WHY = "clock";
const FLOOR = /^\d{1,15}\n$/;
const BYTES_MAX = 64;
/** A clock that knows the time may be as wrong as that: two that know it do not pull it to and fro. */
const TOLERANCE_MS = 60_000;

/** Puts the machine's clock forward to its floor where it is behind that. */
export async function openClock({ disk, path, builtMs, log, wallMs, set }: ClockPorts): Promise<DeviceClock> {
  const kept = await readFile(disk, WHY, path, BYTES_MAX);
  const text = kept.ok ? Buffer.from(kept.value).toString("latin1") : "";
  let floorMs = Math.max(builtMs, FLOOR.test(text) ? Number(text) : 0);
  let guessed = false;

  function forward(ms: number, why: string): boolean {
    const behindMs = ms - wallMs();
    if (behindMs <= 0) return false;
    const done = set(ms);
    if (done.ok) log.info(`the clock was ${Math.ceil(behindMs / 1000)} s behind ${why}, and goes on from there`);
    else log.warn(`the clock is behind ${why} and cannot be set: ${done.error}`);
    return true;
  }
  const atLeast = (ms: number): void => {
    floorMs = Math.max(floorMs, ms);
    if (forward(floorMs, "what is known of the time")) guessed = true;
  };
  atLeast(floorMs);
  return {
    get now() {
      return { floorMs, guessed };
    },
    atLeast,
    async hubSays(ms) {
      if (ms <= floorMs) return;
      const saved = await saveFile(disk, WHY, path, Buffer.from(`${ms}\n`));
      if (!saved.ok) log.warn(`the time is not kept: ${explainDiskError(saved.error)}`);
      floorMs = Math.max(floorMs, ms);
      const tolerated = guessed ? 0 : TOLERANCE_MS;
      if (ms - wallMs() > tolerated) forward(ms, "the hub's");
      guessed = false;
    },
  };
}
