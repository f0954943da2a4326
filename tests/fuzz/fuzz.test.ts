import { describe, expect, test } from "bun:test";
import { blindTo, campaign } from "./campaign.ts";
import { targets } from "./targets.ts";

describe.each(targets.map((target) => [target.name, target] as const))("fuzzing %s", (name, target) => {
  test("sees every kind of defect", async () => {
    expect(await blindTo(target, 1_500, 1)).toEqual([]);
  }, 60_000);

  test("four thousand mutants are answered in time, without exception and without leaking", async () => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
    const report = await campaign(target, { inputs: 4_000, seed });
    const repeat = `repeat: bun tests/fuzz/fuzz.ts --target ${name} --inputs 4000 --seed ${seed}`;
    expect([...report.violations], repeat).toEqual([]);
    expect(report.accepted).toBeGreaterThan(0);
    expect(report.accepted).toBeLessThan(report.inputs);
  }, 60_000);
});
