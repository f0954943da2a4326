import { expect, test } from "bun:test";
import { campaign, readExport } from "./campaign.ts";

test("two thousand mutants of exports are opened or refused, in time and without an exception", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
  const report = await campaign(2_000, seed);
  expect(report.violations, `repeat: bun tests/package/fuzz.ts --inputs 2000 --seed ${seed}`).toEqual([]);
  expect(report.opened).toBeGreaterThan(0);
  expect(report.opened).toBeLessThan(2_000);
}, 120_000);

test("the campaign sees a reader that throws, and one that is slow", async () => {
  const throwing = await campaign(500, 1, async (path) => {
    if ((await readExport(path)) === "opened") throw new RangeError("planted");
    return "refused";
  });
  expect(throwing.violations.join()).toContain("planted");
  const slow = await campaign(3, 1, async () => {
    const until = process.cpuUsage().user + 150_000;
    while (process.cpuUsage().user < until);
    return "refused";
  });
  expect(slow.violations.join()).toContain("ms");
}, 60_000);
