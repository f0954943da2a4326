export const transferLimits = {
  /** Blocks that are asked for at a time, and that are held in memory at most. */
  windowBlocks: 16,
  /** What a block costs beside its own bytes: CBOR, MQTT, TLS, TCP, IP, its part of the request. */
  blockOverheadBytes: 250,
  /** What the next request costs, and a word about how it went. */
  reserveBytes: 1_500,
  /** Without a block for so long, what is lacking is asked for again; twice as long each time. */
  stallMs: 60_000,
  /** The same on a link that is fast. */
  stallMinMs: 5_000,
  stallMaxMs: 6 * 3600_000,
  /** Less is not worth a connection of its own, of which this is what it costs. */
  streamBytesMin: 100_000,
  streamConnectBytes: 8_000,
  /** The same of datagrams, which cost little to begin with. */
  datagramBytesMin: 16_000,
  datagramConnectBytes: 2_000,
  /** Headers and seals, requests, and what comes twice. */
  datagramOverhead: 0.08,
  /** Beyond that, blocks have to do. */
  streamsFailedMax: 3,
  /** What of it is kept besides, for headers of TLS, TCP and IP. */
  streamOverhead: 0.06,
  /** Parcels that came to nothing before the object is given up. */
  spoiltMax: 5,
} as const;
