import { describe, expect, test } from "bun:test";
import { openParcels, type ParcelFile, type Parcels } from "../../../runtime/fleet/parcels/index.ts";
import type { KeptParcel } from "../../../runtime/fleet/transfer/index.ts";
import type { Digest } from "../../../runtime/state/index.ts";
import { type Disk, readFile, saveFile } from "../../../runtime/store/index.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { calm, Power } from "../../sim/power.ts";
import { newRng } from "../../sim/rng.ts";
import { must, mustFail } from "../../store/world.ts";

const digest = (byte: string) => byte.repeat(32) as Digest;
const object = digest("0b");
const parcel: KeptParcel = { digest: digest("dd"), bytes: 1_000, objectBytes: 5_000, base: digest("ba"), key: null };
const other: KeptParcel = { ...parcel, digest: digest("ee"), base: null, key: new Uint8Array(16).fill(7) };
const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

function world(nowMs = () => 0) {
  const rng = newRng(1);
  const power = new Power(rng.fork("power"), calm);
  const storage = simulatedDisk(rng.fork("disk"), power, { at: "/storage" });
  return {
    power,
    disk: storage.mount(),
    /** After a power cut. */
    again(): Disk {
      power.cut();
      return storage.mount();
    },
    open: async (disk: Disk): Promise<Parcels> => must(await openParcels(disk, "/storage", nowMs)),
  };
}
const all = async (file: ParcelFile): Promise<string> =>
  Buffer.concat(await Array.fromAsync(file.read())).toString("hex");
const found = async (parcels: Parcels): Promise<ParcelFile> => {
  const file = must(await parcels.find(object));
  if (file === null) throw new Error("nothing is kept");
  return file;
};
const path = (number: number) => `/storage/parcels/${object}.${String(number).padStart(6, "0")}`;
const hex = (...parts: readonly Uint8Array[]) => Buffer.concat(parts).toString("hex");

describe("a parcel", () => {
  test("is gone on with where it was, by each start of the link, with all that is known of it", async () => {
    const { disk, open } = world();
    const parcels = await open(disk);
    expect(must(await parcels.find(object))).toBeNull();
    const file = must(await parcels.begin(object, other));
    must(await file.append(bytes(100, 1)));
    must(await file.append(bytes(50, 2)));
    await file.close();
    const second = await found(await open(disk));
    expect(second.parcel).toEqual(other);
    expect(second.keptBytes).toBe(150);
    must(await second.append(bytes(70, 3)));
    const third = await found(await open(disk));
    expect(third.keptBytes).toBe(220);
    expect(await all(third)).toBe(hex(bytes(100, 1), bytes(50, 2), bytes(70, 3)));
    expect(must(await disk.list("test", "/storage/parcels"))).toHaveLength(2);
  });

  test("another one takes its place, and is forgotten in its turn", async () => {
    const { disk, open } = world();
    const parcels = await open(disk);
    must(await must(await parcels.begin(object, parcel)).append(bytes(100, 1)));
    const file = must(await parcels.begin(object, other));
    must(await file.append(bytes(10, 2)));
    const kept = await found(parcels);
    expect([kept.parcel.digest, kept.keptBytes]).toEqual([other.digest, 10]);
    must(await parcels.forget(object));
    expect(must(await parcels.find(object))).toBeNull();
  });

  test("of an object that nobody wants any more goes, and files that are none", async () => {
    const { disk, open } = world();
    const parcels = await open(disk);
    const wanted = digest("0c");
    for (const one of [object, wanted]) must(await must(await parcels.begin(one, parcel)).append(bytes(10, 1)));
    must(await saveFile(disk, "test", "/storage/parcels/else", bytes(3, 1)));
    must(await parcels.keepOnly(new Set([wanted])));
    expect(must(await disk.list("test", "/storage/parcels"))).toEqual([`${wanted}.000001`]);
  });

  test("that was synced survives a power cut, and what was not costs no more than itself", async () => {
    let nowMs = 0;
    const { disk, open, again } = world(() => nowMs);
    const file = must(await (await open(disk)).begin(object, parcel));
    must(await file.append(bytes(100, 1)));
    must(await file.append(bytes(100, 2)));
    must(await file.sync());
    nowMs = 500;
    must(await file.append(bytes(100, 3)));
    const kept = await found(await open(again()));
    expect([200, 300]).toContain(kept.keptBytes);
    expect((await all(kept)).startsWith(hex(bytes(100, 1), bytes(100, 2)))).toBe(true);
  });

  test("is synced by itself after a second", async () => {
    let nowMs = 0;
    const { disk, open, power } = world(() => nowMs);
    const file = must(await (await open(disk)).begin(object, parcel));
    const synced = () => power.trace.filter(({ call, path: at }) => call === "fsync" && at === path(1)).length;
    must(await file.append(bytes(100, 1)));
    expect(synced()).toBe(1);
    must(await file.append(bytes(100, 2)));
    expect(synced()).toBe(1);
    nowMs = 1_000;
    must(await file.append(bytes(100, 3)));
    expect(synced()).toBe(2);
  });
});

describe("a file that is torn", () => {
  /** Two files of 100 and 100 bytes, the first of which is then changed. */
  async function torn(change: (whole: Uint8Array) => Uint8Array) {
    const { disk, open } = world();
    const first = must(await (await open(disk)).begin(object, parcel));
    for (const value of [1, 2, 3, 4]) must(await first.append(bytes(25, value)));
    await first.close();
    const second = await found(await open(disk));
    must(await second.append(bytes(100, 9)));
    await second.close();
    const whole = must(await readFile(disk, "test", path(1), 10_000));
    must(await saveFile(disk, "test", path(1), change(whole)));
    return found(await open(disk));
  }

  test.each([
    ["not at all", (whole: Uint8Array) => whole, 200],
    [
      "with more at its end, which the next file has",
      (whole: Uint8Array) => Buffer.concat([whole, whole.slice(-33)]),
      200,
    ],
    ["in the middle of a frame", (whole: Uint8Array) => whole.slice(0, -40), 50],
    ["in a head", (whole: Uint8Array) => whole.slice(0, -30), 75],
    ["with zeros at its end", (whole: Uint8Array) => Buffer.concat([whole.slice(0, -33), bytes(33, 0)]), 75],
    ["with a byte that is another one", (whole: Uint8Array) => whole.with(whole.length - 5, 77), 75],
    [
      "with a length beyond all bounds",
      (whole: Uint8Array) => Buffer.concat([whole.slice(0, -33), bytes(33, 0xff)]),
      75,
    ],
  ])("%s: what comes before it counts", async (_, change, expected) => {
    const kept = await torn(change);
    expect(kept.keptBytes).toBe(expected);
    const whole = hex(bytes(25, 1), bytes(25, 2), bytes(25, 3), bytes(25, 4), bytes(100, 9));
    expect(await all(kept)).toBe(whole.slice(0, 2 * expected));
    must(await kept.append(bytes(10, 5)));
    expect(await all(kept)).toBe(whole.slice(0, 2 * expected) + hex(bytes(10, 5)));
  });

  test("at its beginning counts as none", async () => {
    const { disk, open } = world();
    const parcels = await open(disk);
    for (const head of [bytes(0, 0), bytes(100, 0), Buffer.from("{}")]) {
      must(await saveFile(disk, "test", path(1), head));
      expect(must(await parcels.find(object))).toBeNull();
    }
  });

  test("with more than the parcel has is worth nothing", async () => {
    const { disk, open } = world();
    const parcels = await open(disk);
    must(await must(await parcels.begin(object, parcel)).append(bytes(1_001, 1)));
    expect(must(await parcels.find(object))).toBeNull();
  });
});

test("after a write that failed the rest goes to another file, and nothing is missing between", async () => {
  const rng = newRng(2);
  for (const at of Array.from({ length: 30 }, (_, index) => index)) {
    for (const kind of ["noSpace", "io"] as const) {
      const power = new Power(rng.fork("power"), [{ at, kind }]);
      const disk = simulatedDisk(rng.fork("disk"), power, { at: "/storage" }).mount();
      const opened = await openParcels(disk, "/storage", () => 0);
      if (!opened.ok) continue;
      const begun = await opened.value.begin(object, parcel);
      if (!begun.ok) continue;
      const file = begun.value;
      for (let value = 1; value <= 5; value += 1) {
        const part = bytes(30, value);
        const kept = await file.append(part);
        // Who goes on does so with what is kept.
        if (!kept.ok && file.keptBytes < 30 * value) must(await file.append(part));
      }
      power.calm();
      expect(file.keptBytes).toBe(150);
      expect(await all(file)).toBe(hex(...[1, 2, 3, 4, 5].map((value) => bytes(30, value))));
    }
  }
});

test("a disk that fails is no torn file", async () => {
  const { disk, open } = world();
  const parcels = await open(disk);
  must(await must(await parcels.begin(object, parcel)).append(bytes(10, 1)));
  const failing: Disk = {
    ...disk,
    open: async (why, at) => {
      const opened = await disk.open(why, at);
      if (!opened.ok) return opened;
      const read = async () => ({
        ok: false as const,
        error: { kind: "io" as const, call: "read", path: at, why, code: "EIO" },
      });
      return { ok: true, value: { ...opened.value, info: opened.value.info, read } };
    },
  };
  expect(mustFail(await (await open(failing)).find(object)).kind).toBe("io");
});
