import type { FromLink, ToLink } from "../fleet/pipe/index.ts";
import type { Logger } from "../logs/index.ts";
import type { DeviceMetadata } from "./metadata.ts";

export interface HubMetadataPorts {
  readonly metadata: Pick<DeviceMetadata, "entries" | "set" | "remove" | "onDeviceMeta">;
  readonly log: Pick<Logger, "warn">;
  /** Tells the link, if it runs. */
  say(message: ToLink): void;
  setTimer(ms: number, fire: () => void): () => void;
}

/** Metadata as the hub has it: what it should know of the device, and what it wants kept here. */
export interface HubMetadata {
  hear(message: UserMeta): void;
  /** A link has just started. */
  begin(): void;
  /** Facts of the device may be others. */
  changed(): void;
  stop(): void;
}

type UserMeta = Extract<FromLink, { kind: "userMeta" }>;

const GATHER_MS = 2_000;

export function openHubMetadata({ metadata, log, say, setTimer }: HubMetadataPorts): HubMetadata {
  let told = "";
  let stopTimer: (() => void) | null = null;

  const changed = (): void => {
    stopTimer ??= setTimer(GATHER_MS, () => {
      stopTimer = null;
      void tell();
    });
  };
  metadata.onDeviceMeta(changed);

  async function tell(): Promise<void> {
    const entries = forHub(await metadata.entries("device-meta"));
    const text = JSON.stringify(entries);
    if (text === told) return;
    told = text;
    say({ kind: "deviceMeta", entries });
  }

  /** What can never be kept is passed over; what a full disk does not take today is for another day. */
  async function keep({ sequence, set, remove }: UserMeta): Promise<void> {
    let kept = true;
    for (const key of remove) {
      const gone = await metadata.remove("user-meta", key);
      if (!gone.ok && gone.error.status >= 500) kept = false;
    }
    for (const [key, value] of set) {
      const done = await metadata.set("user-meta", key, value);
      if (done.ok) continue;
      log.warn(`user-meta of the hub: ${done.error.why}`);
      if (done.error.status >= 500) kept = false;
    }
    say({ kind: "userMeta", sequence, kept });
  }

  return {
    hear: (message) => void keep(message),
    begin() {
      told = "";
      changed();
    },
    changed,
    stop: () => stopTimer?.(),
  };
}

/** Never still, or part of each report anyway. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "time",
  "sysinfo",
  "storage",
  "pantavisor.revision",
  "pantavisor.status",
  "pantavisor.mode",
]);
const VALUE_BYTES_MAX = 4096;
/** All of it together: what a link costs is not for containers to decide. */
const BYTES_MAX = 24 * 1024;

/** What a hub should know of device-meta, the shortest first where it is too much. */
export function forHub(entries: ReadonlyMap<string, string>): [string, string][] {
  let bytes = 0;
  const size = ([key, value]: readonly [string, string]): number => Buffer.byteLength(key) + Buffer.byteLength(value);
  return [...entries]
    .filter(([key, value]) => !LEFT_OUT.has(key) && Buffer.byteLength(value) <= VALUE_BYTES_MAX)
    .map(([key, value]): [string, string] => [key, key === "interfaces" ? withoutPairs(value) : value])
    .toSorted((a, b) => size(a) - size(b))
    .filter((entry) => {
      bytes += size(entry);
      return bytes <= BYTES_MAX;
    })
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Of the interfaces, not the ends of those that containers have: they get another name and address at each start. */
const withoutPairs = (json: string): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(JSON.parse(json) as Record<string, unknown>).filter(([name]) => !name.startsWith("veth")),
    ),
  );
