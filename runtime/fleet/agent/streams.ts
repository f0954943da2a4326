import { explainStore } from "../../store/index.ts";
import type { DatagramFetch, DatagramWay } from "../datagrams/index.ts";
import type { Download, Part } from "../parcels/index.ts";
import { type StreamBy, transferLimits } from "../transfer/index.ts";
import { PACKET_BYTES_MAX } from "./connection.ts";
import type { Meter } from "./meter.ts";

export interface StreamPorts {
  readonly meter: Meter;
  /** Of the connection (`connection.ts`). */
  probe(): Promise<boolean>;
  /** Bytes of a parcel over HTTPS; throws when they do not come. */
  download(what: Pick<Download, "key" | "digest" | "from" | "bytes" | "signal">): AsyncIterable<Uint8Array>;
  /** The same in datagrams; null: there is no way for them. */
  readonly datagrams: DatagramWay<Datagrams> | null;
}

export type Datagrams = Pick<
  DatagramFetch,
  "key" | "parcelBytes" | "from" | "bytes" | "early" | "signal" | "alive" | "carried" | "room" | "awaits"
>;

/** A part of a parcel beside the session. Every byte of it is counted: what came, and what it takes to carry it. Throws when it does not come. */
export async function* streamed(ports: StreamPorts, by: StreamBy, part: Part): AsyncGenerator<Uint8Array> {
  yield* by === "https" ? overHttps(ports, part) : inDatagrams(ports, part);
}

async function* overHttps(
  { meter, download }: StreamPorts,
  { parcel: { key, digest }, from, bytes, signal }: Part,
): AsyncGenerator<Uint8Array> {
  const { streamConnectBytes, streamOverhead } = transferLimits;
  if (key === null) return;
  const promised = await meter.promise(streamConnectBytes + Math.ceil(bytes * (1 + streamOverhead)));
  if (!promised.ok) throw new Error(explainStore(promised.error));
  meter.carried(streamConnectBytes);
  for await (const piece of download({ key, digest, from, bytes, signal })) {
    meter.carried(Math.ceil(piece.length * (1 + streamOverhead)));
    yield piece;
  }
}

async function* inDatagrams(
  { meter, probe, datagrams }: StreamPorts,
  { parcel: { key, bytes: parcelBytes }, from, bytes, early, signal }: Part,
): AsyncGenerator<Uint8Array> {
  if (key === null || datagrams === null) return;
  yield* datagrams.fetch({
    key,
    parcelBytes,
    from,
    bytes,
    early,
    signal,
    alive: probe,
    carried: (count) => meter.carried(count),
    room: () => meter.left(),
    async awaits(count) {
      meter.awaits(count);
      // The session may get a packet meanwhile.
      const promised = await meter.promise(PACKET_BYTES_MAX);
      if (!promised.ok) throw new Error(explainStore(promised.error));
    },
  });
}
