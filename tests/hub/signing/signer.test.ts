import { expect, test } from "bun:test";
import { decodeBeacon, encodePresence, openSigned, type SignedLeaf } from "../../../runtime/fleet/wire/index.ts";
import { openSigner } from "../../../runtime/hub/signing/index.ts";
import { device, fleet } from "../../fleet/wire/samples.ts";
import { unwrap } from "../../signatures/signed-state.ts";
import { orderKey } from "../fixtures.ts";

const keys = new Map([1, 2, 3, 4].map((epoch) => [epoch, orderKey(epoch).publicKey]));
const to = <L extends SignedLeaf>(leaf: L) => ({ fleet, device, leaf }) as const;
const payload = encodePresence("online");
const opened = (leaf: SignedLeaf, envelope: Uint8Array) => unwrap(openSigned(to(leaf), envelope, keys));
const signer = (has: number) => openSigner({ keys: [orderKey(2), orderKey(3), orderKey(4)], epochOf: async () => has });

test.each([
  ["the oldest", 2, 2],
  ["one in between", 3, 3],
  ["the newest", 4, 4],
  ["one that is gone", 1, 4],
  ["one that is not known", 9, 4],
])("for a device that has %s, it is signed with the key of epoch %i", async (_, has, epoch) => {
  const { seal, sealAgain, ...hub } = signer(has);
  expect(hub.has(has)).toBe(has === epoch);
  expect(opened("n/u", await seal(to("n/u"), payload))).toEqual({ payload: payload as never, epoch });
  const kept = await signer(3).seal(to("n/c"), payload);
  expect(opened("n/c", sealAgain(to("n/c"), kept, has))).toEqual({ payload: payload as never, epoch });
  expect(sealAgain(to("n/c"), kept, 3)).toBe(kept);
});

test.each([
  [2, 2, 3],
  [3, 3, 4],
  [4, 4, null],
  [1, 4, null],
  [9, 4, null],
])("a beacon for who has the key of epoch %i is of epoch %i, with the key of %p", (has, epoch, next) => {
  const beacon = opened("n/t", signer(1).sealBeacon(to("n/t"), 1_795_000_000, has));
  const nextKey = next === null ? null : orderKey(next).publicKey;
  expect(beacon.epoch).toBe(epoch);
  expect(unwrap(decodeBeacon(beacon.payload))).toEqual({ time: 1_795_000_000, epoch, nextKey });
});

test("what is kept and is no envelope goes as it is, and the device says what is wrong with it", () => {
  expect(signer(2).sealAgain(to("n/c"), Uint8Array.of(1), 2)).toEqual(Uint8Array.of(1));
});
