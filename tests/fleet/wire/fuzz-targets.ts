/** What a broker can put before a hub or a device: messages of every kind, and envelopes. The first byte of an input tells which. */
import { isDeepStrictEqual } from "node:util";
import { ed25519 } from "@noble/curves/ed25519.js";
import { decode, encode } from "cborg";
import { explainWire, openSigned, sealSigned, type WireFault } from "../../../runtime/fleet/wire/index.ts";
import { ok, type Result } from "../../../runtime/result.ts";
import { asBytes, mutantBytes } from "../../fuzz/bytes.ts";
import { explained, type Input, type Target, type Verdict } from "../../fuzz/campaign.ts";
import { device, fleet, type Sample, sampleOf, samples } from "./samples.ts";
import { isSound } from "./sound.ts";

type Read = (kind: Sample, bytes: Uint8Array) => Result<unknown, WireFault>;

function kindOf(kinds: readonly Sample[], input: Input): readonly [kind: Sample, bytes: Uint8Array] {
  const [first = 0, ...rest] = asBytes(input);
  return [kinds[first % kinds.length] ?? sampleOf("u/l"), Uint8Array.from(rest)];
}

const asInput = (bytes: Uint8Array, at: number): Uint8Array => Uint8Array.of(at, ...bytes);

/** A reader with sentences that are none. */
const silent =
  (read: Read): Read =>
  (kind, bytes) => {
    const result = read(kind, bytes);
    if (result.ok) return result;
    return { ok: false, error: { kind: "shape", leaf: kind.leaf, path: "", found: "\u001b[2J", wanted: "" } };
  };

const corpus = samples.map(({ bytes }, at) => asInput(bytes, at));

/** The decoders of all messages, or planted bad ones. */
const messages = (read: Read, planted: Target["planted"] = []): Target => ({
  name: "wire",
  draw: (dice) => mutantBytes(dice, corpus),
  read: (input) => {
    const [kind, bytes] = kindOf(samples, input);
    const result = read(kind, bytes);
    return () => {
      if (!result.ok) return explained(explainWire(result.error));
      if (!isSound(bytes)) return "accepted";
      return isExact(kind, result.value, bytes) ? "fine" : "inexact";
    };
  },
  planted,
});

/** Members that have more than one form, or of which a part can be unknown. */
const FREE = ["n/d 7", "n/o 4", "u/s 6", "u/s 7", "u/q 5", "n/u 5", "u/d 3"];

/** Written again it is what came, but for what is not known here. */
function isExact(kind: Sample, value: unknown, bytes: Uint8Array): boolean {
  try {
    const [again, came] = [kind.encode(value), bytes].map((message): unknown => decode(message, { useMaps: true }));
    if (!(again instanceof Map && came instanceof Map) || kind.leaf === "u/m") return isDeepStrictEqual(again, came);
    return [...again].every(
      ([key, one]) => FREE.includes(`${kind.leaf} ${key}`) || isDeepStrictEqual(one, came.get(key)),
    );
  } catch {
    return false;
  }
}

const readMessage: Read = (kind, bytes) => kind.decode(bytes);

export const wireTarget: Target = messages(readMessage, [
  [
    "accepted",
    messages((kind, bytes) => {
      const result = kind.decode(bytes);
      if (result.ok || result.error.kind !== "cbor") return result;
      try {
        return kind.decode(encode(decode(bytes, { useMaps: true })));
      } catch {
        return result;
      }
    }),
  ],
  [
    "inexact",
    messages((kind, bytes) => {
      const result = kind.decode(bytes);
      return result.ok ? ok(kind.value) : result;
    }),
  ],
  ["unexplained", messages(silent(readMessage))],
]);

const orders = (["n/d", "n/c", "n/t", "n/u", "n/k"] as const).map((leaf) => ({ ...sampleOf(leaf), leaf }));
const secret = new Uint8Array(32).fill(1);
const keys = new Map([[1, ed25519.getPublicKey(secret)]]);
const genuine = orders.map(({ leaf, bytes }, at) =>
  asInput(
    sealSigned({ fleet, device, leaf }, bytes, 1, (message) => ed25519.sign(message, secret)),
    at,
  ),
);

/** What opens envelopes, or a planted one that does not look whose they are. */
const envelopes = (read: Read, planted: Target["planted"] = []): Target => ({
  name: "wire-envelope",
  draw: (dice) => (dice.roll(200) === 0 ? dice.pick(genuine) : mutantBytes(dice, genuine)),
  read: (input) => {
    const [kind, bytes] = kindOf(orders, input);
    const result = read(kind, bytes);
    return (): Verdict => {
      if (!result.ok) return explained(explainWire(result.error));
      const at = orders.findIndex(({ leaf }) => leaf === kind.leaf);
      return Buffer.from(asInput(bytes, at)).equals(genuine[at] ?? Buffer.of()) ? "fine" : "accepted";
    };
  },
  planted,
});

const openEnvelope: Read = (kind, bytes) => {
  const leaf = orders.find((order) => order.leaf === kind.leaf)?.leaf ?? "n/d";
  return openSigned({ fleet, device, leaf }, bytes, keys);
};

export const envelopeTarget: Target = envelopes(openEnvelope, [
  [
    "accepted",
    envelopes((kind, bytes) => {
      const result = openEnvelope(kind, bytes);
      return result.ok || result.error.kind !== "signature" ? result : ok({});
    }),
  ],
  ["unexplained", envelopes(silent(openEnvelope))],
]);
