/**
 * Fuzzing campaigns against the readers of what strangers send: mutants of genuine inputs.
 *   bun tests/fuzz/fuzz.ts --inputs 1000000 --seed 7 --target pem      (minutes; without --seed: a new one, printed; without --target: all)
 * Exit code 0: no violation; 1: at least one, or a detector that does not see its planted defect; 2: wrong arguments.
 */
import { parseArgs } from "node:util";
import { blindTo, campaign, GROWTH_BYTES, SLOWEST_MS, type Target } from "./campaign.ts";
import { targets } from "./targets.ts";

const { values } = parseArgs({
  options: { inputs: { type: "string" }, seed: { type: "string" }, target: { type: "string" } },
});
const inputs = Number(values.inputs ?? 1_000_000);
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
if (!Number.isInteger(inputs) || inputs < 1 || !Number.isInteger(seed) || chosen.length === 0) {
  console.error("usage: bun tests/fuzz/fuzz.ts [--inputs <count>] [--seed <whole number>] [--target <name>]");
  console.error(`targets: ${targets.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const mib = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`;

/** False: a violation, or a detector that sees nothing. */
async function attack(target: Target): Promise<boolean> {
  const blind = await blindTo(target, 1_500, 1);
  if (blind.length > 0) {
    console.error(`${target.name}: detectors that miss a planted defect: ${blind.join(", ")}`);
    return false;
  }
  console.log(`${target.name}: ${inputs} inputs, seed ${seed}; every detector found its planted defect`);
  const report = await campaign(target, { inputs, seed });
  console.log(`  inputs/s ${Math.round(report.inputs / report.seconds)}, accepted ${report.accepted}`);
  console.log(`  slowest ${report.slowestMs.toFixed(1)} ms (at most ${SLOWEST_MS}): ${report.slowest}`);
  console.log(`  memory growth ${mib(report.growthBytes)} (at most ${mib(GROWTH_BYTES)})`);
  for (const [violation, what] of report.violations) console.error(`  VIOLATION ${violation}, ${what}`);
  if (report.violations.size === 0) return true;
  console.error(`  repeat: bun tests/fuzz/fuzz.ts --target ${target.name} --inputs ${inputs} --seed ${seed}`);
  return false;
}

let held = true;
for (const target of chosen) held = (await attack(target)) && held;
process.exit(held ? 0 : 1);
