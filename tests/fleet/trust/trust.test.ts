import { describe, expect, test } from "bun:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import type { FromLink } from "../../../runtime/fleet/pipe/index.ts";
import { LinkClock, openTrust } from "../../../runtime/fleet/trust/index.ts";
import { type Beacon, encodeBeacon, sealSigned, type Topic } from "../../../runtime/fleet/wire/index.ts";
import { device, fleet } from "../wire/samples.ts";

const secretOf = (epoch: number): Uint8Array => new Uint8Array(32).fill(epoch);
const at = { fleet, device, leaf: "n/t" } as const;
const now = 1_795_000_000;

const sealed = (beacon: Partial<Beacon> = {}, { to = at as Topic<"n/t">, epoch = 1, by = secretOf(epoch) } = {}) =>
  sealSigned(to, encodeBeacon({ time: now, epoch, nextKey: null, ...beacon }), epoch, (message) =>
    ed25519.sign(message, by),
  );

/** A device that knows that it is not before `floorS`. */
function world(floorS = now - 3600) {
  const [told, warned]: [FromLink[], string[]] = [[], []];
  const clock = new LinkClock(
    { floorMs: floorS * 1000, guessed: true },
    { tell: (message) => void told.push(message), wallMs: () => 0, setTimer: () => () => {} },
  );
  const keys = new Map([[1, ed25519.getPublicKey(secretOf(1))]]);
  return { told, warned, trust: openTrust({ keys, clock, warn: (message) => void warned.push(message) }) };
}

test("the hub's beacon tells the time", async () => {
  const { trust, told, warned } = world();
  await trust.beacon(at, sealed());
  expect([told, warned]).toEqual([[{ kind: "clock", atMs: now * 1000, signed: true }], []]);
});

describe("a beacon changes nothing", () => {
  test.each([
    ["signed by another key", sealed({}, { by: secretOf(9) }), /signature/],
    ["of an epoch that is not known", sealed({}, { epoch: 2 }), /epoch 2/],
    ["for another device", sealed({}, { to: { ...at, device: "aaaaaaaaaaaaa" as never } }), /signature/],
    ["that is another kind of message", sealed({}, { to: { ...at, leaf: "n/u" as never } }), /signature/],
    ["that is none", Uint8Array.of(1), /beacon/],
  ])("%s, and is warned of", async (_, envelope, why) => {
    const { trust, told, warned } = world();
    await trust.beacon(at, envelope);
    expect([told, warned]).toEqual([[], [expect.stringMatching(why)]]);
  });

  test.each([
    ["replayed", now],
    ["from before the device's floor", now + 1],
    ["of years ago", now + 100_000_000],
  ])("%s, without a word", async (_, floorS) => {
    const { trust, told, warned } = world(floorS);
    await trust.beacon(at, sealed());
    expect([told, warned]).toEqual([[], []]);
  });
});
