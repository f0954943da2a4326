import { version } from "../buildinfo.ts";
import type { Metadata as MetadataPort, Refusal } from "../control/index.ts";
import { type DeviceMetaError, explainDeviceMeta, openDeviceMeta, openMetadata, pairsIn } from "../metadata/index.ts";
import { err, ok, type Result } from "../result.ts";
import { isLocal, type RevisionName } from "../state/index.ts";
import { type Store, storageSpace } from "../store/index.ts";
import type { Config } from "./config/index.ts";

/** Both kinds of metadata of this device. */
export interface DeviceMetadata extends MetadataPort {
  /** The value of a key of user-meta, "" when there is none (`${user-meta:KEY}`, reference 1.8). */
  userMeta(key: string): string;
  /** Merges the members of a JSON object into device-meta. */
  merge(json: string): Promise<Result<void, Refusal>>;
  /** Containers that see their own keys from now on (reference 7.4). */
  show(containers: readonly string[]): void;
  /** Hears whenever somebody has written or removed a key of device-meta. */
  onDeviceMeta(listener: () => void): void;
  /** Where `pantavisor.status` comes from, once there is a status. */
  statusIs(status: () => string): void;
  /** Where `pantavisor.debug.ssh` comes from: until when the device can be debugged from outside; null: it cannot. */
  debugAccessIs(view: () => string | null): void;
}

const statuses: Readonly<Record<DeviceMetaError["kind"], Refusal["status"]>> = {
  badKey: 400,
  tooLarge: 400,
  tooMany: 507,
  ownKey: 409,
  disk: 500,
};

const refused = (error: DeviceMetaError): Result<never, Refusal> => {
  const full = error.kind === "disk" && error.error.kind === "noSpace";
  return err({ status: full ? 507 : statuses[error.kind], why: explainDeviceMeta(error) });
};

/** Loads what is kept; shows it to nobody yet but containers of role `mgmt`. */
export async function openDeviceMetadata(options: {
  readonly config: Config;
  readonly store: Store;
  /** What runs now. */
  revision(): RevisionName;
  warn(message: string): void;
}): Promise<DeviceMetadata> {
  const { config, store, revision, warn } = options;
  const { PV_SYSTEM_RUNDIR: runDir, PV_STORAGE_GC_RESERVED: reserved } = config;
  const { disk } = store;
  const mirror = { device: `${runDir}/device-meta`, user: `${runDir}/user-meta` };
  const kept = await openMetadata({ disk, folder: config.PV_CACHE_DEVMETADIR, mirror: mirror.device, warn });
  const user = await openMetadata({ disk, folder: config.PV_CACHE_USRMETADIR, mirror: mirror.user, warn });
  const show = (containers: readonly string[]): void => {
    for (const one of [kept, user]) one.show(containers);
  };
  show([]);
  let status: (() => string) | null = null;
  let debugAccess: () => string | null = () => null;
  const device = openDeviceMeta(
    kept,
    {
      constant: new Map([["pantavisor.version", version]]),
      async changing() {
        const facts = new Map([
          ["pantavisor.revision", revision()],
          ["pantavisor.mode", isLocal(revision()) ? "local" : "remote"],
        ]);
        if (status !== null) facts.set("pantavisor.status", status());
        const open = debugAccess();
        if (open !== null) facts.set("pantavisor.debug.ssh", open);
        const space = await storageSpace(store, reserved);
        if (space.ok) {
          const { totalBytes: total, freeBytes: free, reservedBytes, realFreeBytes: real_free } = space.value;
          facts.set("storage", JSON.stringify({ total, free, reserved: reservedBytes, real_free }));
        }
        return facts;
      },
    },
    { folder: mirror.device, warn },
  );
  let heard = (): void => {};
  const kinds = { "device-meta": device, "user-meta": user };

  return {
    entries: async (kind) => (kind === "user-meta" ? user.entries : device.entries()),
    async set(kind, key, value) {
      const done = await kinds[kind].set(key, value);
      if (kind === "device-meta") heard();
      return done.ok ? done : refused(done.error);
    },
    async remove(kind, key) {
      const done = await kinds[kind].remove(key);
      if (kind === "device-meta") heard();
      if (!done.ok) return refused(done.error);
      return done.value ? ok(undefined) : err({ status: 404, why: "Key does not exist" });
    },
    async merge(json) {
      const pairs = pairsIn(json);
      if (!pairs.ok) return err({ status: 400, why: "Payload is not a JSON object" });
      for (const [key, value] of pairs.value) {
        const done = await device.set(key, value);
        heard();
        if (!done.ok) return refused(done.error);
      }
      return ok(undefined);
    },
    userMeta: (key) => user.entries.get(key) ?? "",
    show,
    onDeviceMeta(listener) {
      heard = listener;
    },
    statusIs(next) {
      status = next;
    },
    debugAccessIs(next) {
      debugAccess = next;
    },
  };
}
