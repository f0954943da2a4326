import { shown } from "../../state/index.ts";
import { type Leaf, leaves } from "./leaves.ts";

/** Why a message is not taken. */
export type WireFault =
  | { readonly kind: "topic"; readonly text: string }
  | { readonly kind: "tooLong"; readonly leaf: Leaf; readonly bytes: number; readonly bytesMax: number }
  /** Not CBOR, or not as Cairn writes it. `what` comes from the reader. */
  | { readonly kind: "cbor"; readonly leaf: Leaf; readonly what: string }
  /** `path`: names of members, joined by dots; empty: the message itself. `found` and `wanted` are for people. */
  | {
      readonly kind: "shape";
      readonly leaf: Leaf;
      readonly path: string;
      readonly found: string;
      readonly wanted: string;
    }
  /** Signed with a key of an epoch that is not known here. */
  | { readonly kind: "unknownKey"; readonly leaf: Leaf; readonly epoch: number }
  /** Signed with a key that another one has followed. */
  | { readonly kind: "pastKey"; readonly leaf: Leaf; readonly epoch: number }
  /** Not signed by the key of its epoch for this topic, or changed since. */
  | { readonly kind: "signature"; readonly leaf: Leaf; readonly epoch: number };

/** What a message of each kind is called. */
const NAMES: { readonly [L in Leaf]: string } = {
  "n/d": "the desired revision",
  "n/c": "a command",
  "n/o": "a block",
  "n/t": "the beacon",
  "n/u": "a change of user-meta",
  "u/s": "the device's state",
  "u/p": "a device's progress",
  "u/q": "a request for blocks",
  "u/r": "a command's result",
  "u/g": "log lines",
  "u/m": "metrics",
  "u/l": "a device's presence",
  "u/d": "a change of device-meta",
  "n/k": "a certificate",
  "u/k": "a request for a certificate",
};

/** The sentence for people, and what they can do. */
export function explainWire(fault: WireFault): string {
  if (fault.kind === "topic") {
    return `a message on topic ${shown(fault.text)} is ignored: wanted c/<fleet>/<device>/ and one of ${Object.keys(leaves).join(" ")}`;
  }
  const what = `${NAMES[fault.leaf]} (${fault.leaf}) is ignored`;
  switch (fault.kind) {
    case "tooLong":
      return `${what}: it has ${fault.bytes} bytes, at most ${fault.bytesMax} are accepted; look who else publishes there`;
    case "cbor":
      return `${what}: it is not in the one form that Cairn writes (${shown(fault.what)}); look who else publishes there`;
    case "shape": {
      const where = fault.path === "" ? "it" : shown(fault.path);
      return `${what}: ${where} is ${fault.found}, wanted ${fault.wanted}; the sender may have a newer version: update this one`;
    }
    case "unknownKey":
      return `${what}: it is signed with the key of epoch ${fault.epoch}, which is not known here; enrol the device again`;
    case "pastKey":
      return `${what}: it is signed with the key of epoch ${fault.epoch}, which a newer one has followed; the hub signs it again when it has heard of that`;
    case "signature":
      return `${what}: its signature is not one of epoch ${fault.epoch}'s key for this topic; the broker, or whoever can publish there, is not to be trusted`;
  }
}
