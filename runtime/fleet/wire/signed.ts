import { ed25519 } from "@noble/curves/ed25519.js";
import * as v from "valibot";
import { err, invariant, ok, type Result } from "../../result.ts";
import { writeCbor } from "./cbor.ts";
import { bytes, uint } from "./codec.ts";
import type { WireFault } from "./fault.ts";
import { leaves, type SignedLeaf } from "./leaves.ts";
import { limits } from "./limits.ts";
import { read, type Verified } from "./message.ts";
import { type Topic, topic } from "./topics.ts";

/** Payload, key epoch, Ed25519 signature (RFC 8032). */
const Envelope = v.strictTuple(
  [bytes(limits.metadataBytesMax, 0).schema, uint.schema, bytes(64).schema],
  "payload, key epoch, signature",
);

/**
 * What is signed: the topic with the payload, so that nothing is taken that was meant for another device, fleet or kind of message.
 * Neither topics nor the number have a NUL that could be mistaken for one of these.
 */
function signedBytes(to: Topic, epoch: number, payload: Uint8Array): Uint8Array {
  const epochBytes = Buffer.alloc(4);
  epochBytes.writeUInt32BE(epoch);
  return Buffer.concat([Buffer.from(`cairn/1\0${topic(to.fleet, to.device, to.leaf)}\0`), epochBytes, payload]);
}

/** An envelope. `sign` makes an Ed25519 signature with the key of `epoch`, which tells the hub's keys apart. */
export function sealSigned(
  to: Topic<SignedLeaf>,
  payload: Uint8Array,
  epoch: number,
  sign: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  const signature = sign(signedBytes(to, epoch, payload));
  invariant(signature.length === 64, "an Ed25519 signature has 64 bytes");
  const envelope = writeCbor([payload, epoch, signature]);
  invariant(envelope.length <= leaves[to.leaf].bytesMax, `an envelope on ${to.leaf} is within its bound`);
  return envelope;
}

/** An envelope of one's own, for who has the key of another epoch now; the same one when it is of that epoch. Nothing is verified. */
export function sealAgain(
  to: Topic<SignedLeaf>,
  envelope: Uint8Array,
  epoch: number,
  sign: (message: Uint8Array) => Uint8Array,
): Result<Uint8Array, WireFault> {
  const opened = read(to.leaf, Envelope, envelope, leaves[to.leaf].bytesMax);
  if (!opened.ok) return opened;
  const [payload, before] = opened.value;
  return ok(before === epoch ? envelope : sealSigned(to, payload, epoch, sign));
}

/** `at`: the topic on which the envelope came. `keys`: the hub's public keys of 32 bytes, by epoch. */
export function openSigned(
  at: Topic<SignedLeaf>,
  envelope: Uint8Array,
  keys: ReadonlyMap<number, Uint8Array>,
): Result<{ readonly payload: Verified; readonly epoch: number }, WireFault> {
  const opened = read(at.leaf, Envelope, envelope, leaves[at.leaf].bytesMax);
  if (!opened.ok) return opened;
  const [payload, epoch, signature] = opened.value;
  const key = keys.get(epoch);
  if (key === undefined) {
    const isPast = [...keys.keys()].some((known) => known > epoch);
    return err({ kind: isPast ? "pastKey" : "unknownKey", leaf: at.leaf, epoch });
  }
  // Not by the rules of ZIP 215, which takes points in more than one form.
  const genuine = ed25519.verify(signature, signedBytes(at, epoch, payload), key, { zip215: false });
  return genuine ? ok({ payload: payload as Verified, epoch }) : err({ kind: "signature", leaf: at.leaf, epoch });
}
