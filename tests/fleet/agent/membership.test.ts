import { expect, test } from "bun:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { keepMembership, readMembership, saveMembership } from "../../../runtime/fleet/agent/membership.ts";
import type { Membership } from "../../../runtime/fleet/enrol/index.ts";
import { LinkClock, openTrust } from "../../../runtime/fleet/trust/index.ts";
import { encodeBeacon, sealSigned } from "../../../runtime/fleet/wire/index.ts";
import type { Disk } from "../../../runtime/store/index.ts";
import { mustHold, type Story, seeds } from "../../sim/campaign.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { CUT, calm, Power } from "../../sim/power.ts";
import { newRng } from "../../sim/rng.ts";
import { must } from "../../store/world.ts";
import { device, fleet } from "../wire/samples.ts";

const secretOf = (epoch: number): Uint8Array => new Uint8Array(32).fill(epoch);
const keyOf = (epoch: number): Uint8Array => ed25519.getPublicKey(secretOf(epoch));
const first: Membership = {
  id: device,
  fleet,
  hub: "hub.example:443 ab",
  certificate: "first",
  renewed: null,
  broker: { host: "hub", port: 8883 },
  orderKeys: new Map([[1, keyOf(1)]]),
};
const folder = "/storage";

test("who changes a part of it leaves the others' parts as they are, at the same time, too", async () => {
  const rng = newRng(1);
  const disk = simulatedDisk(rng.fork("disk"), new Power(rng.fork("power"), calm), { at: folder }).mount();
  const membership = keepMembership(disk, folder, first);
  const orderKeys = new Map([[2, keyOf(2)]]);
  const changes = [{ renewed: "second" }, { orderKeys }, { certificate: "second", renewed: null }];
  for (const kept of await Promise.all(changes.map((part) => membership.change(part)))) must(kept);
  expect(must(await readMembership(disk, folder))).toEqual({ ...first, certificate: "second", orderKeys });
});

test("a part that could not be kept does not come back with another", async () => {
  const rng = newRng(1);
  const disk = simulatedDisk(rng.fork("disk"), new Power(rng.fork("power"), calm), { at: folder }).mount();
  const failing = { is: true };
  const sometimes: Disk = {
    ...disk,
    create: (why, path, mode) =>
      failing.is
        ? Promise.resolve({ ok: false, error: { kind: "noSpace", call: "create", path, why, code: "ENOSPC" } })
        : disk.create(why, path, mode),
  };
  const membership = keepMembership(sometimes, folder, first);
  expect((await membership.change({ orderKeys: new Map([[2, keyOf(2)]]) })).ok).toBe(false);
  failing.is = false;
  must(await membership.change({ renewed: "second" }));
  expect(must(await readMembership(disk, folder))).toEqual({ ...first, renewed: "second" });
});

test("one without an order key counts as none: the device asks the hub again", async () => {
  const rng = newRng(1);
  const disk = simulatedDisk(rng.fork("disk"), new Power(rng.fork("power"), calm), { at: folder }).mount();
  must(await saveMembership(disk, folder, { ...first, orderKeys: new Map() }));
  expect(must(await readMembership(disk, folder))).toBeNull();
});

const at = { fleet, device, leaf: "n/t" } as const;
const handover = (epoch: number): Uint8Array =>
  sealSigned(at, encodeBeacon({ time: 1_795_000_000, epoch, nextKey: keyOf(epoch + 1) }), epoch, (message) =>
    ed25519.sign(message, secretOf(epoch)),
  );

/** The hub goes on from key to key, and certificates change, while the power goes and the disk fails. */
const story: Story = async ({ rng, power }) => {
  const storage = simulatedDisk(rng.fork("disk"), power, { at: folder });
  const draw = rng.fork("life");
  let reached = 0;
  for (let boot = 0; boot < 4; boot += 1) {
    if (boot === 3) power.calm();
    const disk = storage.mount();
    const ended = await power.run(async () => {
      const found = await readMembership(disk, folder);
      if (!found.ok) return;
      if (found.value === null && reached > 0) throw new Error("the membership is forgotten");
      if (found.value === null && !(await saveMembership(disk, folder, first)).ok) return;
      const before = found.value ?? first;
      if (Math.max(...before.orderKeys.keys()) < reached) throw new Error("a key that counted is forgotten");
      if (before.orderKeys.size !== 1) throw new Error("there is more than one key");
      const membership = keepMembership(disk, folder, before);
      const trust = openTrust({
        keys: before.orderKeys,
        keep: (orderKeys) => membership.change({ orderKeys }),
        followed: () => {
          reached = trust.epoch;
        },
        clock: new LinkClock(
          { floorMs: 0, guessed: true },
          { tell: () => {}, wallMs: () => 0, setTimer: () => () => {} },
        ),
        warn: () => {},
      });
      for (let came = 0; came < 3; came += 1) {
        const renewing = draw.below(2) === 0 ? membership.change({ renewed: `${came}` }) : null;
        await trust.beacon(at, handover(trust.epoch - draw.below(2) * Number(trust.epoch > 1)));
        await renewing;
      }
    });
    if (ended !== CUT) power.cut();
  }
};

test("a key that counted is known after every power cut", async () => {
  await mustHold("membership", story, { cut: 0.05, noSpace: 0.02, io: 0.02 }, seeds(100));
}, 60_000);
