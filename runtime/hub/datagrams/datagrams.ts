import { randomBytes } from "node:crypto";
import type { Host } from "../../certificates/index.ts";
import {
  BLOCK_BYTES,
  blockDatagram,
  cookieDatagram,
  idOf,
  keysOf,
  type ParcelKeys,
  parcelId,
  type Run,
  readRequest,
} from "../../fleet/sealed/index.ts";
import { type Disk, explainDiskError } from "../../store/index.ts";
import { type Rate, rateOf } from "../blocks/index.ts";
import type { HubDatabase } from "../database/index.ts";
import type { Parcels } from "../parcels/index.ts";
import { cookieOf, isCookieOf } from "./cookie.ts";

export interface DatagramsPorts {
  readonly host: Host;
  readonly port: number;
  readonly disk: Disk;
  readonly database: Pick<HubDatabase, "parcels">;
  readonly parcels: Pick<Parcels, "byKey">;
  /** Milliseconds since 1970. */
  now(): number;
  log(line: string): void;
}

export interface Datagrams {
  stop(): void;
}

/** Of one address, which hears us: a device on a thin link asks each few seconds. */
const RATE: Rate = { burst: 20, perSecond: 4 };
/** Blocks that one request is answered with. */
const BLOCKS_MAX = 16;
/** Which parcels there are is looked up again for an id that is not known, so often at most. */
const LOOK_MS = 1_000;
const WHY = "answer a datagram";

interface Known {
  readonly key: Uint8Array;
  readonly keys: ParcelKeys;
}

/** Listens; throws when it cannot. */
export async function openDatagrams(ports: DatagramsPorts): Promise<Datagrams> {
  const { disk, database, parcels, now, log } = ports;
  const secret = randomBytes(32);
  const mayAsk = rateOf<string>(RATE, now);
  let known = new Map<string, Known>();
  let lookedMs = Number.NEGATIVE_INFINITY;

  async function find(id: string): Promise<Known | null> {
    const there = known.get(id);
    if (there !== undefined) return there;
    if (now() - lookedMs < LOOK_MS) return null;
    lookedMs = now();
    known = new Map(
      (await database.parcels.list()).map(({ key }) => {
        const keys = keysOf(key);
        return [parcelId(keys), { key, keys }];
      }),
    );
    return known.get(id) ?? null;
  }

  async function answer(datagram: Uint8Array, address: string, port: number): Promise<void> {
    const id = idOf(datagram);
    const from = `${address} ${port}`;
    if (id === null) return;
    const found = await find(id);
    const request = found === null ? null : readRequest(found.keys, datagram);
    if (found === null || request === null) return;
    if (request.cookie === null || !isCookieOf(secret, from, now(), request.cookie)) {
      socket.send(cookieDatagram(found.keys, cookieOf(secret, from, now())), port, address);
      return;
    }
    if (!mayAsk(from)) return;
    const parcel = await parcels.byKey(found.key);
    if (parcel === null) return;
    const file = await disk.open(WHY, parcel.path);
    if (!file.ok) return log(explainDiskError(file.error));
    try {
      for (const index of indicesOf(request.runs, parcel.bytes)) {
        const bytes = new Uint8Array(Math.min(BLOCK_BYTES, parcel.bytes - index * BLOCK_BYTES));
        for (let at = 0; at < bytes.length; ) {
          const read = await file.value.read(bytes.subarray(at), index * BLOCK_BYTES + at);
          if (!read.ok) return log(explainDiskError(read.error));
          if (read.value === 0) return;
          at += read.value;
        }
        socket.send(blockDatagram(found.keys, index, bytes), port, address);
      }
    } finally {
      await file.value.close();
    }
  }

  /** One after the other: a device takes what is overtaken for lost. */
  const turns = new Map<string, Promise<void>>();
  function inTurn(from: string, act: () => Promise<void>): void {
    const done = (turns.get(from) ?? Promise.resolve()).then(act).catch((thrown) => log(`datagram: ${String(thrown)}`));
    turns.set(from, done);
    void done.then(() => {
      if (turns.get(from) === done) turns.delete(from);
    });
  }

  const socket = await Bun.udpSocket({
    hostname: ports.host.text,
    port: ports.port,
    socket: {
      data(_, datagram, port, address) {
        const copy = new Uint8Array(datagram);
        inTurn(`${address} ${port}`, () => answer(copy, address, port));
      },
      error() {},
    },
  });
  return { stop: () => socket.close() };
}

/** In the order in which they were asked for; of those, no more than a device waits for. */
function* indicesOf(runs: readonly Run[], bytes: number): Generator<number> {
  let count = 0;
  for (const run of runs) {
    for (let index = run.from; index < run.from + run.count && index * BLOCK_BYTES < bytes; index += 1) {
      if (count === BLOCKS_MAX) return;
      count += 1;
      yield index;
    }
  }
}
