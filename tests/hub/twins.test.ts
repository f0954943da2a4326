import { expect, test } from "bun:test";
import { fallOf, isDuplicate } from "../../runtime/hub/registry/index.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { DAY_MS, newDevice, testRegistry } from "./fixtures.ts";

const said = (month: number): string => JSON.stringify({ bytes: { day: 1, month } });

test("two boards that report under one id are noticed, one whose count began anew is not", async () => {
  await using world = await testRegistry(1_000 * DAY_MS);
  const { registry, database } = world;
  const device = newDevice();
  const { id } = unwrap(await registry.enrol(device.request, await world.addToken("join", "x")));
  const report = async (...months: number[]) => {
    for (const month of months) await registry.report(id, said(month));
    const found = await database.findDevice(id);
    return found !== null && isDuplicate(found);
  };
  expect(await report(10, 20, 20, 500, 3, 30)).toBe(false); // a new month
  expect(await report(2, 31)).toBe(false); // and another storage
  expect(await report(5)).toBe(true);
  world.nowMs += 7 * DAY_MS;
  expect(await report(32)).toBe(false);
  expect(await report(6, 33, 7)).toBe(false); // they count anew
});

test("what a device of another version says of its bytes, or not, is no fall", () => {
  expect(fallOf({ report: { atMs: 0, text: "{}" }, falls: null }, said(5), 1)).toBeNull();
  expect(fallOf({ report: null, falls: null }, said(5), 1)).toBeNull();
  expect(fallOf({ report: { atMs: 0, text: said(6) }, falls: null }, said(5), 1)).toEqual({ count: 1, atMs: 1 });
});
