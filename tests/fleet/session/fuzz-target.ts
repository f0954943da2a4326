/** Mutants of what a broker sends, as it is looked through for packets that are too large. */
import { PacketSizes } from "../../../runtime/fleet/session/packet-sizes.ts";
import { asBytes, mutantBytes } from "../../fuzz/bytes.ts";
import type { Target } from "../../fuzz/campaign.ts";

const BYTES_MAX = 20_000;
/** CONNACK and two PUBLISH, one of them as large as it may be. */
const CORPUS = [
  Buffer.concat([Uint8Array.of(0x20, 3, 0, 0, 0, 0x30, 4, 0, 1, 0x61, 0), Uint8Array.of(0xd0, 0)]),
  Buffer.concat([Uint8Array.of(0x30, 0x9c, 0x9c, 0x01), Buffer.alloc(19_996), Uint8Array.of(0xd0, 0)]),
];

/** What section 2.1.4 of MQTT 5 says, of all the bytes at once: how many the largest packet has; null: one has no length. */
function largest(bytes: Uint8Array): number | null {
  let most = 0;
  for (let at = 0; at < bytes.length; ) {
    let [length, digits] = [0, 0];
    for (;;) {
      const byte = bytes[at + 1 + digits];
      if (byte === undefined) return most;
      length += (byte % 128) * 128 ** digits;
      digits += 1;
      if (byte < 128) break;
      if (digits === 4) return null;
    }
    most = Math.max(most, 1 + digits + length);
    if (most > BYTES_MAX) return most;
    at += 1 + digits + length;
  }
  return most;
}

const target = (bytesMax: number, planted: Target["planted"] = []): Target => ({
  name: "packet-sizes",
  draw: (dice) => mutantBytes(dice, CORPUS),
  read: (input) => {
    const bytes = asBytes(input);
    const sizes = new PacketSizes(bytesMax);
    // In two pieces, as TCP may bring it.
    const half = bytes.length >> 1;
    const fits = sizes.fit(bytes.subarray(0, half)) && sizes.fit(bytes.subarray(half));
    return () => {
      const most = largest(bytes);
      const should = most !== null && most <= BYTES_MAX;
      if (fits === should) return fits ? "fine" : "refused";
      return fits ? "accepted" : "inexact";
    };
  },
  planted,
});

export const packetSizesTarget = target(BYTES_MAX, [
  ["accepted", target(10 * BYTES_MAX)],
  ["inexact", target(BYTES_MAX - 1)],
]);
