import { limits as state } from "../../state/index.ts";

/** What one message may hold at most, in bytes unless the name says otherwise. Whoever writes one keeps to them, whoever reads one insists. */
export const limits = {
  /** What an envelope adds to its payload: heads of array and byte string, key epoch, signature (`signed.ts`). */
  envelopeBytes: 1 + 3 + 5 + 66,
  /** Arrays and maps in one message of any kind, and so how deep they can be nested; 4 are the most that is written today. */
  collectionsMax: 64,
  /** A block of an object on the dearest link, on a middling one, and on one where bytes are cheap. */
  blockBytes: [1 << 10, 4 << 10, 16 << 10],
  /** Blocks of one object: 16 GiB in the largest ones. */
  blocksMax: 1 << 20,
  /** Runs of missing blocks that one request names: those of any object fit into 2 KiB, however they lie. */
  rangesMax: 256,
  /** What opens a parcel to whoever fetches it over HTTPS: nobody guesses it. */
  parcelKeyBytes: 16,
  /** Objects that a device names as what a patch could be made from. */
  candidatesMax: 4,
  containersMax: state.containersMax,
  versionBytesMax: 32,
  argumentsBytesMax: 256,
  resultBytesMax: 1 << 10,
  /** Log lines of one message, deflated. */
  logsBytesMax: 16 << 10,
  /** The same, inflated: whoever reads them inflates no more. */
  logsTextBytesMax: 96 << 10,
  /** X.509 in DER of a device: the names in it are short. */
  certificateBytesMax: 1 << 10,
  metricsMax: 64,
  metricNameBytesMax: 64,
  /** Key and value of metadata as the device keeps them (`runtime/metadata`). */
  metadataKeyBytesMax: 128,
  metadataValueBytesMax: 4 << 10,
  /** One delta of metadata: a value of full length always fits, with its key. */
  metadataBytesMax: (4 << 10) + 256,
} as const;
