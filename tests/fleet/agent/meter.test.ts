import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openMeter } from "../../../runtime/fleet/agent/meter.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { emptyFolder, must, removeFolders } from "../../store/world.ts";

afterEach(removeFolders);

const caps = { dayBytes: 50_000, monthBytes: null };

async function metered() {
  const path = join(emptyFolder(), "ledger");
  const meter = must(await openMeter(realDisk, path, caps, () => Date.UTC(2026, 10, 25)));
  return { meter, onDisk: (): number => JSON.parse(readFileSync(path, "utf8")).dayBytes };
}

test("what was asked for beside the session is no room for others until it has come", async () => {
  const { meter } = await metered();
  meter.awaits(12_000);
  expect([meter.left(), meter.room()]).toEqual([50_000, 38_000]);
  meter.carried(45_000);
  expect([meter.left(), meter.room()]).toEqual([5_000, 0]);
  meter.awaits(0);
  expect(meter.room()).toBe(5_000);
});

test("the disk knows of both before either is carried", async () => {
  const { meter, onDisk } = await metered();
  meter.carried(1_000);
  must(await meter.promise(20_000));
  meter.awaits(12_000);
  must(await meter.promise(20_000));
  expect(onDisk()).toBeGreaterThanOrEqual(33_000);
});
