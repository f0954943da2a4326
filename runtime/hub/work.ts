import { type DeviceId, FIRST_EPOCH, type FleetName } from "../fleet/terms/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { Disk, DiskError } from "../store/index.ts";
import type { OrderKeys } from "./authority/index.ts";
import { openBeacons } from "./beacons/index.ts";
import { openBlocks } from "./blocks/index.ts";
import { type Commands, openCommands } from "./commands/index.ts";
import type { HubDatabase } from "./database/index.ts";
import { type Logs, openLogs } from "./logs/index.ts";
import { type Metadata, openMetadata } from "./metadata/index.ts";
import { type HubObjects, openFolder } from "./objects/index.ts";
import { childMaker, openParcels, type Parcels, prepareFolder } from "./parcels/index.ts";
import type { Registry } from "./registry/index.ts";
import {
  type Costs,
  openCosts,
  openOrderReports,
  openPublisher,
  openReleases,
  type Publisher,
  type Releases,
} from "./releases/index.ts";
import { openRenewals } from "./renewals/index.ts";
import { openRevisions, type Revisions } from "./revisions/index.ts";
import { type connectHub, type HubSession, type HubSessionPorts, openHubSession, reportText } from "./session/index.ts";
import { explainMissingKey, openSigner } from "./signing/index.ts";

export interface WorkOptions {
  /** Of the hub. */
  readonly folder: string;
  readonly fleet: FleetName;
  readonly database: HubDatabase;
  readonly order: OrderKeys;
  /** The words that start this program. */
  readonly program: readonly string[];
}

export interface WorkPorts {
  readonly disk: Disk;
  now(): number;
  log(line: string): void;
}

/** Who belongs to the fleet, and whose connection is ended. */
export interface Guard {
  readonly registry: Registry;
  readonly heeds: HubSessionPorts["heeds"];
  /** At the broker, with all that waits there for the device, which may connect again if it is not shut out. */
  endSession(device: DeviceId): Promise<void>;
}

/** What the hub does for its fleet, from an author's revision to a device's blocks. */
export interface Work {
  readonly objects: HubObjects;
  readonly revisions: Revisions;
  readonly releases: Releases;
  readonly costs: Costs;
  readonly commands: Commands;
  readonly logs: Logs;
  readonly parcels: Parcels;
  readonly publisher: Publisher;
  readonly metadata: Metadata;
  /** Begins to talk to devices; what was decided before and is not known to the broker goes out. Resolves when devices are heard, or the broker is too slow. */
  talk(connect: ReturnType<typeof connectHub>, guard: Guard): Promise<void>;
  /** A device was told the newest order key with its certificate. */
  enrolled(device: DeviceId): Promise<void>;
  /** The broker may have forgotten what it was told since then (milliseconds since 1970): of that, what devices do not know goes out again. */
  brokerForgot(sinceMs: number): void;
  /** Removes what nothing needs any more. */
  collect(): Promise<void>;
  stop(): void;
}

const MAKING_MS_MAX = 1_800_000;
const HEARD_MS = 10_000;
const AGAIN_MS = 30_000;

export async function openWork(options: WorkOptions, { disk, now, log }: WorkPorts): Promise<Result<Work, DiskError>> {
  const { folder, fleet, database, order, program } = options;
  const opened = await openFolder(disk, folder);
  if (!opened.ok) return opened;
  const objects = opened.value;
  const parcelsFolder = `${folder}/parcels`;
  const prepared = await prepareFolder(disk, parcelsFolder);
  if (!prepared.ok) return err(prepared.error);

  const signer = openSigner({ keys: order, epochOf: database.orderEpochs.of });
  let session: HubSession | null = null;
  const publisher = openPublisher({
    fleet,
    database,
    signer,
    publish: async (topic, bytes, retain) =>
      (await session?.publish({ topic, bytes, qos: 1, retain, expiryS: null })) ?? false,
    now,
  });
  const again = (act: () => Promise<void>): void => void setTimeout(act, AGAIN_MS).unref();
  const publish = (): void => {
    for (const { run } of [publisher, beacons, metadata]) {
      void run().catch((thrown) => {
        log(`publish: ${String(thrown)}`);
        again(async () => publish());
      });
    }
  };
  const publishForAWhile = async (topic: string, bytes: Uint8Array, expiryS: number): Promise<boolean> =>
    (await session?.publish({ topic, bytes, qos: 1, retain: false, expiryS })) ?? false;
  const revisions = openRevisions({ database, objects, now });
  const releases = openReleases({ database, fleet, signer, now, publish, again, log });
  const commands = openCommands({ database, fleet, signer, now, publish: publishForAWhile, log });
  const logs = openLogs({ database, now });
  const beacons = openBeacons({
    fleet,
    records: database.beacons,
    signer,
    publish: async (topic, bytes) =>
      (await session?.publish({ topic, bytes, qos: 1, retain: true, expiryS: null })) ?? false,
    wanted: publish,
    now,
  });
  let endSession = (_device: DeviceId): void => {};
  const metadata = openMetadata({
    fleet,
    records: database.metadata,
    signer,
    publish: publishForAWhile,
    wanted: publish,
    endSession: (device) => endSession(device),
    now,
  });
  const maker = childMaker(program, MAKING_MS_MAX);
  const parcels = openParcels({ disk, folder: parcelsFolder, database, objects, maker, now, log });
  const blocks = openBlocks({
    fleet,
    disk,
    database,
    parcels,
    publish: async (topic, bytes) =>
      (await session?.publish({ topic, bytes, qos: 0, retain: false, expiryS: null })) ?? false,
    now,
    log,
  });
  async function hasKey(device: DeviceId, epoch: number): Promise<void> {
    if (!signer.has(epoch)) log(`device ${device} ${explainMissingKey(epoch)}`);
    if (!(await database.orderEpochs.has(device, epoch))) return;
    publish();
    void commands.publish();
  }

  return ok({
    objects,
    revisions,
    releases,
    costs: openCosts({ disk, database, objects, parcels }),
    commands,
    logs,
    parcels,
    publisher,
    metadata,
    enrolled: (device) => hasKey(device, signer.epoch),
    async talk(connect, { registry, heeds, ...broker }) {
      endSession = (device) =>
        void broker.endSession(device).catch((thrown) => log(`device ${device}: ${String(thrown)}`));
      await releases.settle(null);
      const reports = openOrderReports(database.releases, {
        now,
        publish,
        settle: releases.settle,
        endSession,
      });
      const heard = Promise.withResolvers<void>();
      const late = setTimeout(heard.resolve, HEARD_MS);
      session = openHubSession({
        fleet,
        connect,
        heeds,
        hearers: {
          async state(device, state) {
            const before = await database.findDevice(device);
            if (!(await registry.report(device, reportText(state)))) return false;
            await hasKey(device, state.orderEpoch ?? FIRST_EPOCH);
            const beforeMs = before?.report?.atMs ?? null;
            await reports.state(device, state, beforeMs);
            await commands.reported(device, beforeMs);
            await beacons.state(device, state);
            await metadata.state(device, state);
            return true;
          },
          presence: registry.presence,
          progress: reports.progress,
          result: commands.result,
          logs: logs.hear,
          request: blocks.hear,
          deviceMeta: metadata.told,
          renewal: openRenewals({ fleet, registry, signer, publish: publishForAWhile, log }),
        },
        online() {
          heard.resolve();
          publish();
          void commands.publish();
        },
        setTimer(ms, fire) {
          const timer = setTimeout(fire, ms);
          return () => clearTimeout(timer);
        },
        log,
      });
      await heard.promise;
      clearTimeout(late);
    },
    brokerForgot: (sinceMs) =>
      void database.releases.unmarkUntaken(sinceMs).then(publish, (thrown) => log(String(thrown))),
    async collect() {
      const [gone, parcelsGone] = [await revisions.collect(), await parcels.collect()];
      if (gone + parcelsGone > 0)
        log(`${gone} objects and ${parcelsGone} parcels were of no use any more, and are gone`);
    },
    stop() {
      session?.stop();
      parcels.stop();
    },
  });
}
