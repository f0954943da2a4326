/** What a hub can do to a device that trusts its certificate: each kind of malice with a name, for the bench and for the law. */
import { ed25519 } from "@noble/curves/ed25519.js";
import * as wire from "../../../runtime/fleet/wire/index.ts";
import { type Message, pingresp, puback, publish, varint } from "./packets.ts";

export interface Victim {
  readonly topic: (leaf: wire.Leaf) => wire.Topic;
  /** Rises. */
  readonly count: number;
}

type Flood = (victim: Victim) => Uint8Array;

export interface Malice {
  /** Sent again and again, as fast as it is taken, once the device has subscribed, or after CONNACK. */
  readonly flood?: Flood;
  /** Sent once before the flood. */
  readonly first?: Uint8Array;
  /** The flood does not wait for a subscription, and there is none. */
  readonly early?: boolean;
  /** What SUBACK says; 1: granted with QoS 1. */
  readonly suback?: number;
  /** Server keep alive, seconds. */
  readonly keepaliveS?: number;
  /** Leaves PINGREQ and PUBLISH without an answer. */
  readonly silent?: boolean;
  /** Hangs up after CONNACK, or after the first message of the flood. */
  readonly hangsUp?: "atOnce" | "afterOne";
  /** Takes nothing that the device sends after SUBSCRIBE. */
  readonly deaf?: boolean;
}

export const EPOCH = 3;
const secret = new Uint8Array(32).fill(9);
export const orderKey: Uint8Array = ed25519.getPublicKey(secret);

const nameOf = ({ fleet, device, leaf }: wire.Topic): string => wire.topic(fleet, device, leaf);
const noise = crypto.getRandomValues(new Uint8Array(20_000));
const packetId = (count: number): number => 1 + (count % 65_535);

/** So many bytes of messages, made once: making them is not what is to take the time. */
function crowd(one: Flood): Flood {
  let made: Uint8Array | null = null;
  return (victim) => {
    if (made !== null) return made;
    const messages: Uint8Array[] = [];
    for (let bytes = 0; bytes < CROWD_BYTES; bytes += messages.at(-1)?.length ?? 0)
      messages.push(one({ ...victim, count: victim.count + messages.length }));
    made = Buffer.concat(messages);
    return made;
  };
}
const CROWD_BYTES = 60_000;

const many = (leaf: wire.Leaf, message: (count: number) => Omit<Message, "topic">): Flood =>
  crowd(({ topic, count }) => publish({ topic: nameOf(topic(leaf)), ...message(count) }));

/** With the hub's own key, each with a higher number than the one before. */
const signed =
  (leaf: wire.SignedLeaf, payload: (count: number) => Uint8Array): Flood =>
  ({ topic, count }) => {
    const to = topic(leaf) as wire.Topic<wire.SignedLeaf>;
    const envelope = wire.sealSigned(to, payload(count), EPOCH, (message) => ed25519.sign(message, secret));
    return publish({ topic: nameOf(to), payload: envelope, id: packetId(count) });
  };

/** An envelope that is well-formed, with a signature that is nobody's. */
const forged = (leaf: wire.SignedLeaf, payload: Uint8Array): Flood =>
  crowd(({ topic, count }) => {
    const to = topic(leaf) as wire.Topic<wire.SignedLeaf>;
    const envelope = wire.sealSigned(to, payload, EPOCH, () => new Uint8Array(64).fill(7));
    return publish({ topic: nameOf(to), payload: envelope, id: packetId(count) });
  });

const YEAR_S = 365 * 24 * 3600;
const nowS = (): number => Math.floor(Date.now() / 1000);
const order = (sequence: number): Uint8Array =>
  wire.encodeDesired({
    sequence,
    rev: 8,
    stateDigest: "ab".repeat(32) as wire.Desired["stateDigest"],
    stateBytes: 300,
    notBefore: null,
    expiry: null,
    policy: { security: false, https: false, whole: false },
  });
const command = (id: number): Uint8Array =>
  wire.encodeCommand({ id, operation: "gc", arguments: "", expiry: nowS() + YEAR_S });
const userMeta = (sequence: number): Uint8Array =>
  wire.encodeUserMeta({
    sequence,
    from: sequence - 1,
    set: new Map([["key", "x".repeat(1000)]]),
    remove: [],
    wants: { deviceMeta: true },
  });

const blocks = many("n/o", (count) => ({
  payload: wire.encodeBlock({ transfer: count, index: count % 64, bytes: noise.slice(0, 16 << 10), parcel: null }),
}));
const tiny = many("n/o", () => ({ payload: new Uint8Array() }));

/** By name. The first one is a hub as it should be. */
export const malices = {
  "a good hub": {},
  "blocks that nobody asked for": { flood: blocks },
  "tiny messages": { flood: tiny },
  "retained messages, QoS 1": {
    flood: many("n/t", (count) => ({ payload: noise.slice(0, 200), id: packetId(count), retain: true })),
  },
  "messages of the largest size": {
    flood: many("n/o", (count) => ({ payload: noise.slice(0, 19_900), id: packetId(count) })),
  },
  "user properties": {
    flood: many("n/o", (count) => ({
      payload: new Uint8Array(),
      id: packetId(count),
      userProperties: Array.from({ length: 1_500 }, (_, at) => [`${at}`, "x"] as const),
    })),
  },
  "QoS 2": { flood: many("n/o", (count) => ({ payload: noise.slice(0, 1_000), id: packetId(count), qos: 2 })) },
  "orders that are forged": { flood: forged("n/d", order(1)) },
  "commands that are forged": { flood: forged("n/c", command(1)) },
  "orders of the hub's own": { flood: signed("n/d", order) },
  "commands of the hub's own": { flood: signed("n/c", command) },
  "user-meta of the hub's own": { flood: signed("n/u", userMeta) },
  "a packet of 256 MB": {
    first: Uint8Array.from([0x30, ...varint(268_435_455)]),
    flood: () => noise,
  },
  "half a packet, held": { first: Uint8Array.from([0x30, ...varint(19_000), ...noise.slice(0, 9_000)]) },
  "answers to pings that were not sent": { flood: crowd(() => pingresp) },
  "acknowledgements of nothing": { flood: crowd(({ count }) => puback(count & 0xffff)) },
  "before the subscription": { flood: blocks, early: true },
  "a subscription refused": { suback: 0x87 },
  "a subscription never granted": { early: true },
  "hangs up at once": { hangsUp: "atOnce" },
  "hangs up after a message": { flood: blocks, hangsUp: "afterOne" },
  "a ping every second": { keepaliveS: 1 },
  "never an answer": { silent: true, keepaliveS: 2 },
  "takes no acknowledgement": {
    deaf: true,
    flood: many("n/t", (count) => ({ payload: noise.slice(0, 200), id: packetId(count) })),
  },
} as const satisfies Readonly<Record<string, Malice>>;

export type MaliceName = keyof typeof malices;
export const maliceNames = Object.keys(malices) as readonly MaliceName[];
