import { expect, test } from "bun:test";
import { BASES_MAX, roomFor } from "../../../runtime/hub/parcels/room.ts";
import type { Digest } from "../../../runtime/state/index.ts";

const HOUR_MS = 3_600_000;
const nowMs = 1_000 * HOUR_MS;
const sha = (text: string) => text.padEnd(64, "0") as Digest;
const parcel = (target: string, base: string | null, bytes: number, hoursAgo: number) => ({
  target: sha(target),
  base: base === null ? null : sha(base),
  format: 1,
  bytes,
  askedMs: nowMs - hoursAgo * HOUR_MS,
});
const wanted = { target: sha("aa"), base: sha("bb"), bytes: 100 };
const space = (totalBytes: number, freeBytes: number) => ({ totalBytes, freeBytes });

test("nothing goes while there is room", () => {
  expect(roomFor(wanted, [parcel("cc", null, 900, 999)], space(4_000, 4_000), nowMs)).toEqual([]);
});

test("parcels take a quarter of the disk at most: those that nobody asked for the longest go", () => {
  const [old, older, fresh] = [parcel("a", null, 400, 5), parcel("b", "c", 400, 9), parcel("d", null, 200, 1)];
  expect(roomFor(wanted, [fresh, old, older], space(4_000, 4_000), nowMs)).toEqual([older]);
  expect(roomFor({ ...wanted, bytes: 500 }, [fresh, old, older], space(4_000, 4_000), nowMs)).toEqual([older, old]);
  expect(roomFor({ ...wanted, bytes: 900 }, [fresh, old, older], space(4_000, 4_000), nowMs)).toBeNull();
});

test("a twentieth of the disk stays free", () => {
  const old = parcel("a", null, 100, 5);
  expect(roomFor(wanted, [old], space(4_000, 300), nowMs)).toEqual([]);
  expect(roomFor(wanted, [old], space(4_000, 299), nowMs)).toEqual([old]);
  expect(roomFor(wanted, [old], space(4_000, 199), nowMs)).toBeNull();
});

test("an object has so many patches at most, and its whole is not one of them", () => {
  const patches = Array.from({ length: BASES_MAX }, (_, at) => parcel("aa", `b${at}`, 1, 3 + at));
  const large = space(1_000_000, 1_000_000);
  expect(roomFor(wanted, patches, large, nowMs)).toEqual(patches.slice(-1));
  expect(roomFor({ ...wanted, base: null }, patches, large, nowMs)).toEqual([]);
  expect(roomFor({ ...wanted, target: sha("dd") }, patches, large, nowMs)).toEqual([]);
  const inUse = patches.map((one) => ({ ...one, askedMs: nowMs - HOUR_MS }));
  expect(roomFor(wanted, inUse, large, nowMs)).toBeNull();
});
