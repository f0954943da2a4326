import { expect, test } from "bun:test";
import { parseState } from "../../runtime/state/index.ts";
import { blindTo, campaign } from "./campaign.ts";

test("a fuzzing campaign sees every kind of defect", () => {
  expect(blindTo(1_500, 1)).toEqual([]);
}, 30_000);

test("four thousand mutants of real states are answered in time, without exception and without leaking", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
  const report = campaign(parseState, { inputs: 4_000, seed });
  expect([...report.violations], `repeat: bun tests/state/fuzz.ts --inputs 4000 --seed ${seed}`).toEqual([]);
  expect(report.accepted).toBeGreaterThan(0);
  expect(report.accepted).toBeLessThan(report.inputs);
}, 30_000);
