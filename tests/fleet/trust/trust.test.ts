import { describe, expect, test } from "bun:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import type { FromLink } from "../../../runtime/fleet/pipe/index.ts";
import { LinkClock, type OrderKeys, openTrust } from "../../../runtime/fleet/trust/index.ts";
import { type Beacon, encodeBeacon, openSigned, sealSigned, type Topic } from "../../../runtime/fleet/wire/index.ts";
import { err, ok } from "../../../runtime/result.ts";
import { device, fleet } from "../wire/samples.ts";

const secretOf = (epoch: number): Uint8Array => new Uint8Array(32).fill(epoch);
const keyOf = (epoch: number): Uint8Array => ed25519.getPublicKey(secretOf(epoch));
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
  const is = { kept: [] as OrderKeys[], disk: true, followed: 0 };
  const trust = openTrust({
    keys: new Map([[1, keyOf(1)]]),
    async keep(keys) {
      if (!is.disk) return err({ kind: "noSpace", call: "write", path: "x", why: "x", code: "ENOSPC" });
      is.kept.push(keys);
      return ok(undefined);
    },
    followed: () => {
      is.followed += 1;
    },
    clock,
    warn: (message) => void warned.push(message),
  });
  return { told, warned, trust, is };
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

/** From epoch to epoch, as the hub seals it. */
const handover = (
  from: number,
  { to = at as Topic<"n/t">, by = secretOf(from), next = keyOf(from + 1), time = now } = {},
) => sealed({ epoch: from, nextKey: next, time }, { to, epoch: from, by });

describe("the next order key", () => {
  test("is followed step by step: kept before it counts, told once, and the one before it counts no more", async () => {
    const { trust, is, warned } = world();
    expect(trust.epoch).toBe(1);
    for (const epoch of [1, 2, 3]) {
      await trust.beacon(at, handover(epoch));
      expect(trust.epoch).toBe(epoch + 1);
      expect([...trust.keys]).toEqual([[epoch + 1, keyOf(epoch + 1)]]);
      expect([is.kept.length, is.followed]).toEqual([epoch, epoch]);
      expect([...(is.kept.at(-1) ?? [])]).toEqual([...trust.keys]);
    }
    expect(warned).toEqual([]);
  });

  test("counts for nothing while it is being kept, and not when it cannot be; the hub tells it again", async () => {
    const { trust, is, warned } = world();
    is.disk = false;
    await trust.beacon(at, handover(1));
    expect([trust.epoch, is.followed, warned]).toEqual([
      1,
      0,
      [expect.stringMatching(/next order key is not kept.*ENOSPC/)],
    ]);
    is.disk = true;
    const following = trust.beacon(at, handover(1));
    expect([...trust.keys.keys()]).toEqual([1]);
    await following;
    expect([...trust.keys.keys()]).toEqual([2]);
  });

  test("is followed by a device whose clock is far ahead, too", async () => {
    const { trust, told } = world(now + 100_000_000);
    await trust.beacon(at, handover(1));
    expect([trust.epoch, told]).toEqual([2, []]);
  });

  const other = "aaaaaaaaaaaaa" as never;
  test.each([
    ["by another key", handover(1, { by: secretOf(9) }), /signature/],
    ["by the next key alone", handover(1, { by: secretOf(2) }), /signature/],
    ["by the next key alone, as its own", handover(2), /epoch 2.*not known/],
    ["by a later key, past one epoch", handover(3), /epoch 3.*not known/],
    ["for another device", handover(1, { to: { ...at, device: other } }), /signature/],
    ["for another fleet", handover(1, { to: { ...at, fleet: "other" as never } }), /signature/],
    ["as another kind of message", handover(1, { to: { ...at, leaf: "n/d" as never } }), /signature/],
  ])("signed %s is not followed, and warned of", async (_, envelope, why) => {
    const { trust, warned, is } = world();
    await trust.beacon(at, envelope);
    expect([trust.epoch, is.kept, warned]).toEqual([1, [], [expect.stringMatching(why)]]);
  });

  test("of another epoch than the one that it is signed with is not followed: none is skipped", async () => {
    const { trust } = world();
    for (const epoch of [0, 2, 7]) await trust.beacon(at, sealed({ epoch, nextKey: keyOf(epoch + 1) }, { epoch: 1 }));
    expect(trust.epoch).toBe(1);
  });

  test("of long ago, again, is not followed, nor anything else that the old key signs", async () => {
    const { trust, warned } = world();
    await trust.beacon(at, handover(1));
    for (const replayed of [handover(1), handover(1, { next: keyOf(9) })]) await trust.beacon(at, replayed);
    expect([...trust.keys]).toEqual([[2, keyOf(2)]]);
    expect(warned).toEqual(Array(2).fill(expect.stringMatching(/epoch 1, which a newer one has followed/)));
    const [old] = [1, 2].map((epoch) => openSigned(at, sealed({}, { epoch }), trust.keys));
    expect(old).toMatchObject({ ok: false, error: { kind: "pastKey" } });
  });
});
