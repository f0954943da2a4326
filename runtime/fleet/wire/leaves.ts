import { limits } from "./limits.ts";

/** How messages of one kind travel. */
interface Travel {
  readonly qos: 0 | 1;
  readonly retained: boolean;
  /** Published with a message expiry interval: late is worse than never. */
  readonly expires: boolean;
  /** The payload is an envelope that the hub signed (`signed.ts`). */
  readonly signed: boolean;
  /** Bytes of the MQTT payload, envelope included. */
  readonly bytesMax: number;
}

const { envelopeBytes } = limits;

/**
 * Every kind of message, by the end of its topic: `n/` goes to the device, `u/` comes from it. Bounds have room for what newer peers
 * may add.
 */
export const leaves = {
  /** Desired: the revision that the device is to run. */
  "n/d": { qos: 1, retained: true, expires: false, signed: true, bytesMax: 512 },
  /** A command. */
  "n/c": { qos: 1, retained: false, expires: true, signed: true, bytesMax: 512 },
  /** A block of an object; one that is lost is asked for again. */
  "n/o": { qos: 0, retained: false, expires: false, signed: false, bytesMax: (16 << 10) + 128 },
  /** Time and trust beacon. */
  "n/t": { qos: 1, retained: true, expires: false, signed: true, bytesMax: 256 },
  /** What changed in user-meta; who is away says what it lacks when it is back. */
  "n/u": { qos: 1, retained: false, expires: true, signed: true, bytesMax: limits.metadataBytesMax + envelopeBytes },
  /** A certificate of the device's, to follow the one that it has. */
  "n/k": {
    qos: 1,
    retained: false,
    expires: true,
    signed: true,
    bytesMax: limits.certificateBytesMax + 64 + envelopeBytes,
  },
  /** The device's whole state. */
  "u/s": { qos: 1, retained: true, expires: false, signed: false, bytesMax: 9 << 10 },
  /** How far the desired revision has come. */
  "u/p": { qos: 1, retained: false, expires: false, signed: false, bytesMax: 64 },
  /** Which blocks of an object are missing. */
  "u/q": { qos: 1, retained: false, expires: false, signed: false, bytesMax: 2 << 10 },
  /** What a command came to. */
  "u/r": { qos: 1, retained: false, expires: false, signed: false, bytesMax: limits.resultBytesMax + 64 },
  /** Log lines, asked for or as evidence of a failure. */
  "u/g": { qos: 1, retained: false, expires: false, signed: false, bytesMax: limits.logsBytesMax + 128 },
  "u/m": { qos: 0, retained: false, expires: false, signed: false, bytesMax: 5 << 10 },
  /** Presence; the broker publishes it as last will. */
  "u/l": { qos: 1, retained: true, expires: false, signed: false, bytesMax: 1 },
  /** What changed in device-meta. */
  "u/d": { qos: 1, retained: false, expires: false, signed: false, bytesMax: limits.metadataBytesMax },
  /** The device's certificate ends soon. */
  "u/k": { qos: 1, retained: false, expires: false, signed: false, bytesMax: 32 },
} as const satisfies { readonly [leaf: string]: Travel };

export type Leaf = keyof typeof leaves;
/** Leaves whose messages the hub signs. */
export type SignedLeaf = { [L in Leaf]: (typeof leaves)[L]["signed"] extends true ? L : never }[Leaf];

export const isLeaf = (text: string): text is Leaf => Object.hasOwn(leaves, text);
