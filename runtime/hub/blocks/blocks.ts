import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { type Block, type BlockRequest, encodeBlock, topic } from "../../fleet/wire/index.ts";
import { type Disk, explainDiskError, type OpenFile } from "../../store/index.ts";
import type { HubDatabase, Release } from "../database/index.ts";
import type { Parcel, Parcels } from "../parcels/index.ts";
import { blocksFor } from "./plan.ts";
import { type Rate, rateOf } from "./rate.ts";

export interface BlocksPorts {
  readonly fleet: FleetName;
  readonly disk: Disk;
  readonly database: Pick<HubDatabase, "findDevice" | "releases" | "revisions">;
  readonly parcels: Pick<Parcels, "choose">;
  /** Of no block is it known whether it arrives. False: the broker is gone. */
  publish(topic: string, bytes: Uint8Array): Promise<boolean>;
  /** Milliseconds since 1970. */
  now(): number;
  log(line: string): void;
}

/** Answers devices that ask for blocks of objects. */
export interface Blocks {
  /**
   * Takes a request up and returns at once. Requests of a device are answered one after the other; a newer one of the same transfer comes
   * in place of one that waits still, and one without blocks ends it. What comes too fast is passed over: the device asks again.
   */
  hear(device: DeviceId, request: BlockRequest): void;
}

const RATE: Rate = { burst: 40, perSecond: 20 };
/** Transfers of one device at a time. */
const TRANSFERS_MAX = 4;
/** Larger parcels may come over HTTPS. */
const HTTPS_BYTES_MIN = 250_000;
/** The same in datagrams. */
const DATAGRAM_BYTES_MIN = 16_000;
const WHY = "answer a device";

export function openBlocks({ fleet, disk, database, parcels, publish, now, log }: BlocksPorts): Blocks {
  const mayAsk = rateOf<DeviceId>(RATE, now);
  const waiting = new Map<DeviceId, Map<number, BlockRequest>>();

  async function work(device: DeviceId, requests: Map<number, BlockRequest>): Promise<void> {
    for (const [transfer, request] of requests) {
      requests.delete(transfer);
      try {
        await answer(device, request);
      } catch (thrown) {
        log(`device ${device} asked for ${request.object} in vain: ${String(thrown)}`);
      }
    }
    waiting.delete(device);
  }

  async function answer(device: DeviceId, request: BlockRequest): Promise<void> {
    const { transfer, object, candidates, parcel: begun } = request;
    const send = (block: Omit<Block, "transfer">): Promise<boolean> =>
      publish(topic(fleet, device, "n/o"), encodeBlock({ transfer, ...block }));
    if ((await database.findDevice(device))?.status !== "accepted") return;
    const policy = await database.releases.policyFor(device, object);
    const chosen =
      policy === null ? "noObject" : await parcels.choose(object, await database.revisions.among(candidates), begun);
    if (policy === null || chosen === "noObject") {
      // Whether there is such an object is nothing that others may learn.
      await send({ index: 0, bytes: new Uint8Array(), parcel: null });
      return;
    }
    if (chosen === "notMade") return;
    const file = await disk.open(WHY, chosen.path);
    if (!file.ok) return log(explainDiskError(file.error));
    try {
      for (const index of blocksFor(request, chosen)) {
        const bytes = await readBlock(file.value, index, request.blockBytes);
        const parcel = index === 0 ? told(chosen, request, policy) : null;
        if (!(await send({ index, bytes, parcel }))) return;
      }
    } finally {
      await file.value.close();
    }
  }

  return {
    hear(device, request) {
      if (!mayAsk(device)) return;
      const there = waiting.get(device);
      const requests = there ?? new Map<number, BlockRequest>();
      if (request.missing.length === 0) return void requests.delete(request.transfer);
      if (requests.size >= TRANSFERS_MAX && !requests.has(request.transfer)) return;
      requests.set(request.transfer, request);
      if (there !== undefined) return;
      waiting.set(device, requests);
      void work(device, requests);
    },
  };
}

/** What block 0 says of its parcel. */
function told(chosen: Parcel, { candidates }: BlockRequest, { https }: Release["policy"]): Block["parcel"] {
  const { digest, bytes, objectBytes, base, key } = chosen;
  return {
    digest,
    bytes,
    objectBytes,
    base: base === null ? null : candidates.indexOf(base),
    key: (https && bytes > HTTPS_BYTES_MIN) || bytes > DATAGRAM_BYTES_MIN ? key : null,
  };
}

async function readBlock(file: OpenFile, index: number, blockBytes: number): Promise<Uint8Array> {
  const from = index * blockBytes;
  const bytes = new Uint8Array(Math.max(0, Math.min(blockBytes, file.info.sizeBytes - from)));
  for (let at = 0; at < bytes.length; ) {
    const count = await file.read(bytes.subarray(at), from + at);
    if (!count.ok) throw new Error(explainDiskError(count.error));
    if (count.value === 0) throw new Error("a parcel became shorter while it was read");
    at += count.value;
  }
  return bytes;
}
