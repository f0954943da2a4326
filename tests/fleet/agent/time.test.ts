import { afterEach, expect, test } from "bun:test";
import { closeAll, device, hub, running } from "./world.ts";

afterEach(closeAll);

const nowS = (): number => Math.floor(Date.now() / 1000);

test("a device that does not know the time says so, and knows it when its hub has told it", async () => {
  const at = await hub();
  const link = device(at);
  const floorMs = Date.now() - 3600_000;
  link.begin({ clock: { floorMs, guessed: true } });
  link.say(running("1"));
  const { id } = await link.heard("joined");
  expect((await at.state()).flags.clockUnknown).toBe(true);
  const atMs = nowS() * 1000;
  await at.tellTime(id, atMs / 1000, { forged: true });
  await at.tellTime(id, Math.floor(floorMs / 1000) - 1);
  await at.tellTime(id, atMs / 1000);
  expect(await link.heard("clock")).toEqual({ kind: "clock", atMs, signed: true });
  link.say({ kind: "clock", floorMs: atMs, guessed: false });
  expect((await at.state()).flags.clockUnknown).toBe(false);
  expect(link.told.count("clock")).toBe(0);
});

test("a device whose clock is behind its hub's authority talks to nobody before that is mended", async () => {
  const at = await hub();
  const link = device(at, undefined, 100, () => 0);
  link.begin();
  const asked = await link.heard("clock");
  expect(asked).toMatchObject({ signed: false });
  expect(Math.abs(Number(asked["atMs"]) - Date.now())).toBeLessThan(120_000);
  expect(at.asked()).toBe(0);
  link.say({ kind: "clock", floorMs: asked["atMs"], guessed: true });
  await link.heard("joined");
});
