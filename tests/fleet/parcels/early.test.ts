import { expect, test } from "bun:test";
import { openParcels, type ParcelFile, type Parcels } from "../../../runtime/fleet/parcels/index.ts";
import type { KeptParcel } from "../../../runtime/fleet/transfer/index.ts";
import type { Digest } from "../../../runtime/state/index.ts";
import type { Disk } from "../../../runtime/store/index.ts";
import { readFile, saveFile } from "../../../runtime/store/index.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { calm, Power } from "../../sim/power.ts";
import { newRng } from "../../sim/rng.ts";
import { must } from "../../store/world.ts";

const digest = (byte: string) => byte.repeat(32) as Digest;
const object = digest("0b");
const parcel: KeptParcel = { digest: digest("dd"), bytes: 9_000, objectBytes: 9_000, base: null, key: null };
const path = `/storage/parcels/${object}.early`;
const block = (value: number) => new Uint8Array(1_376).fill(value);
const blocks = new Map([4, 5, 70_000].map((index) => [index, block(index)]));

function world() {
  const rng = newRng(1);
  const power = new Power(rng.fork("power"), calm);
  const storage = simulatedDisk(rng.fork("disk"), power, { at: "/storage" });
  return {
    disk: storage.mount(),
    /** After a power cut. */
    again(): Disk {
      power.cut();
      return storage.mount();
    },
  };
}
const open = async (disk: Disk): Promise<Parcels> => must(await openParcels(disk, "/storage", () => 0));
async function begun(disk: Disk): Promise<ParcelFile> {
  const file = must(await (await open(disk)).begin(object, parcel));
  must(await file.append(block(1)));
  return file;
}
async function found(disk: Disk): Promise<ParcelFile> {
  const file = must(await (await open(disk)).find(object));
  if (file === null) throw new Error("nothing is kept");
  return file;
}

test("blocks that came before their turn are there after a power cut, and the parcel is what it was", async () => {
  const { disk, again } = world();
  const file = await begun(disk);
  must(await file.sync());
  await file.early.keep(blocks);
  const later = again();
  const after = await found(later);
  expect([after.keptBytes, after.parcel]).toEqual([1_376, parcel]);
  expect(await after.early.find()).toEqual(blocks);
  must(await after.append(block(2)));
  expect((await found(later)).keptBytes).toBe(2 * 1_376);
});

test("others take their place", async () => {
  const { disk } = world();
  const { early } = await begun(disk);
  await early.keep(blocks);
  await early.keep(new Map([[7, block(7)]]));
  expect(await (await found(disk)).early.find()).toEqual(new Map([[7, block(7)]]));
});

test("they are of their parcel alone, also when a power cut brings them back, and go with it", async () => {
  const { disk } = world();
  await (await begun(disk)).early.keep(blocks);
  const there = must(await readFile(disk, "test", path, 100_000));
  const parcels = await open(disk);
  const other = must(await parcels.begin(object, { ...parcel, digest: digest("ee") }));
  expect(must(await disk.list("test", "/storage/parcels"))).toEqual([]);
  must(await saveFile(disk, "test", path, there));
  expect(await other.early.find()).toEqual(new Map());
  must(await parcels.forget(object));
  expect(must(await disk.list("test", "/storage/parcels"))).toEqual([]);
});

test("of what is torn or was changed, the blocks before count", async () => {
  const { disk } = world();
  const file = await begun(disk);
  await file.early.keep(blocks);
  const whole = must(await readFile(disk, "test", path, 100_000));
  for (const [length, count] of [
    [0, 0],
    [40, 0],
    [2_000, 1],
    [3_500, 2],
    [whole.length, 3],
  ] as const) {
    must(await saveFile(disk, "test", path, whole.subarray(0, length)));
    expect((await file.early.find()).size).toBe(count);
  }
  const changed = new Uint8Array(whole);
  changed[1_600] = (changed[1_600] ?? 0) ^ 1;
  must(await saveFile(disk, "test", path, changed));
  expect([...(await file.early.find()).keys()]).toEqual([4]);
});

test("a disk that fails costs nothing else", async () => {
  const { disk } = world();
  const error = { kind: "io", call: "open", path, why: "test", code: "EIO" } as const;
  const failing: Disk = {
    ...disk,
    open: (why, at) => (at === path ? Promise.resolve({ ok: false, error }) : disk.open(why, at)),
    create: (why, at, mode) =>
      at.includes("early") ? Promise.resolve({ ok: false, error }) : disk.create(why, at, mode),
  };
  const file = await begun(failing);
  await file.early.keep(blocks);
  expect(await file.early.find()).toEqual(new Map());
  must(await file.append(block(2)));
});
