import { describe, expect, test } from "bun:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { clockIsKnown, due, explainOrder, type Orders, openOrders } from "../../../runtime/fleet/desired/index.ts";
import * as wire from "../../../runtime/fleet/wire/index.ts";
import type { Disk } from "../../../runtime/store/index.ts";
import { saveFile } from "../../../runtime/store/index.ts";
import { mustHold, type Story, seeds } from "../../sim/campaign.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { CUT, calm, Power } from "../../sim/power.ts";
import { newRng } from "../../sim/rng.ts";
import { must, mustFail } from "../../store/world.ts";
import { device, digest, fleet } from "../wire/samples.ts";

const secret = new Uint8Array(32).fill(1);
const keys = new Map([[1, ed25519.getPublicKey(secret)]]);
const at = { fleet, device, leaf: "n/d" } as const;
const desired = (sequence: number, more: Partial<wire.Desired> = {}): wire.Desired => ({
  sequence,
  rev: 8,
  stateDigest: digest("3f"),
  stateBytes: 500,
  notBefore: null,
  expiry: null,
  policy: { security: false, https: false, whole: false },
  ...more,
});
const sealed = (what: wire.Desired, { to = at as wire.Topic<"n/d">, by = secret, epoch = 1 } = {}): Uint8Array =>
  wire.sealSigned(to, wire.encodeDesired(what), epoch, (message) => ed25519.sign(message, by));

const newDisk = (seed = 1): Disk => {
  const rng = newRng(seed);
  return simulatedDisk(rng.fork("disk"), new Power(rng.fork("power"), calm), { at: "/storage" }).mount();
};
const opened = async (disk: Disk): Promise<Orders> => must(await openOrders(disk, "/storage", keys));

describe("an order", () => {
  test("that is newer is taken and kept; an older and an equal one are ignored without a word", async () => {
    const disk = newDisk();
    const orders = await opened(disk);
    expect(orders.order).toBeNull();
    expect(must(await orders.take(at, sealed(desired(5))))?.desired).toEqual(desired(5));
    for (const stale of [5, 4, 0]) expect(must(await orders.take(at, sealed(desired(stale, { rev: 99 }))))).toBeNull();
    expect(orders.order).toEqual({ desired: desired(5), verdict: null });
    const later = await opened(disk);
    expect(later.order).toEqual({ desired: desired(5), verdict: null });
    expect(must(await later.take(at, sealed(desired(5))))).toBeNull();
    const whole = desired(6, { notBefore: 1, expiry: 2, policy: { security: true, https: true, whole: true } });
    expect(must(await later.take(at, sealed(whole)))?.desired).toEqual(whole);
    expect((await opened(disk)).order?.desired).toEqual(whole);
  });

  test.each([
    ["by another key", sealed(desired(9), { by: new Uint8Array(32).fill(2) }), "signature"],
    ["with a key of another epoch", sealed(desired(9), { epoch: 2 }), "unknownKey"],
    ["for another device", sealed(desired(9), { to: { ...at, device: "aaaaaaaaaaaaa" as never } }), "signature"],
    ["for another fleet", sealed(desired(9), { to: { ...at, fleet: "other" as never } }), "signature"],
    ["as another kind", sealed(desired(9), { to: { ...at, leaf: "n/c" as never } }), "signature"],
    ["that is no envelope", Uint8Array.of(1, 2, 3), "cbor"],
    ["without end", new Uint8Array(513), "tooLong"],
  ])("%s is not taken, with a sentence, and nothing is kept", async (_, envelope, kind) => {
    const disk = newDisk();
    const orders = await opened(disk);
    must(await orders.take(at, sealed(desired(5))));
    const fault = mustFail(await orders.take(at, envelope));
    expect(fault.kind).toBe(kind as never);
    expect(explainOrder(fault)).toContain("n/d");
    expect((await opened(disk)).order?.desired.sequence).toBe(5);
  });

  test("that is restored from an old backup takes the retained one again", async () => {
    const disk = newDisk();
    must(await (await opened(disk)).take(at, sealed(desired(3))));
    expect(must(await (await opened(disk)).take(at, sealed(desired(7))))).not.toBeNull();
  });

  test("has a verdict, which is kept; one about another order changes nothing", async () => {
    const disk = newDisk();
    const orders = await opened(disk);
    must(await orders.settle(5, "done"));
    must(await orders.take(at, sealed(desired(5))));
    must(await orders.settle(4, "done"));
    expect(orders.order?.verdict).toBeNull();
    must(await orders.settle(5, "error"));
    expect((await opened(disk)).order?.verdict).toBe("error");
    expect(must(await orders.take(at, sealed(desired(6))))?.verdict).toBeNull();
  });

  test.each(["", "{}", "null", "x", '{"desired":{"sequence":1},"verdict":null}', "x".repeat(5_000)])(
    "%p on the disk counts as none",
    async (text) => {
      const disk = newDisk();
      must(await saveFile(disk, "test", "/storage/desired.json", Buffer.from(text)));
      const orders = await opened(disk);
      expect(orders.order).toBeNull();
      expect(must(await orders.take(at, sealed(desired(1))))).not.toBeNull();
    },
  );
});

describe("the time of an order", () => {
  const s = 1_795_000_000;
  test.each<readonly [Partial<wire.Desired>, number, ReturnType<typeof due>]>([
    [{}, s, { kind: "now" }],
    [{ notBefore: s, expiry: s + 10 }, s, { kind: "now" }],
    [{ notBefore: s + 1 }, s, { kind: "later", atMs: (s + 1) * 1000 }],
    [{ expiry: s }, s, { kind: "expired" }],
    [{ expiry: s + 1 }, s, { kind: "now" }],
    [{ notBefore: s + 5, expiry: s - 5 }, s, { kind: "expired" }],
    // At 1970 nobody can tell.
    [{ expiry: s }, 0, { kind: "now" }],
    [{ notBefore: s }, 86_400, { kind: "now" }],
  ])("case %#", (times, wallS, expected) => {
    expect(due(desired(1, times), wallS * 1000)).toEqual(expected);
  });

  test("is known by a clock of our time", () => {
    expect([0, Date.UTC(2024, 11, 31), Date.UTC(2025, 0, 1), Date.UTC(2026, 10, 26)].map(clockIsKnown)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});

/** Orders come and get verdicts while the power goes and the disk fails. */
const story: Story = async ({ rng, power }) => {
  const storage = simulatedDisk(rng.fork("disk"), power, { at: "/storage" });
  const draw = rng.fork("life");
  let acknowledged = -1;
  for (let boot = 0; boot < 5; boot += 1) {
    if (boot === 4) power.calm();
    const disk = storage.mount();
    const ended = await power.run(async () => {
      const found = await openOrders(disk, "/storage", keys);
      if (!found.ok) return;
      const orders = found.value;
      if ((orders.order?.desired.sequence ?? -1) < acknowledged) throw new Error("an order is forgotten");
      for (let came = 0; came < 4; came += 1) {
        const sequence = draw.below(20);
        const taken = await orders.take(at, sealed(desired(sequence)));
        if (taken.ok && taken.value !== null) {
          if (sequence <= acknowledged) throw new Error("an older order is taken");
          acknowledged = sequence;
        }
      }
    });
    if (ended !== CUT) power.cut();
  }
};

test("an order that was taken is never followed by an older one, wherever the power goes", async () => {
  await mustHold("desired", story, { cut: 0.05, noSpace: 0.02, io: 0.02 }, seeds(100));
}, 60_000);
