/**
 * A fuzzing campaign against the state parser: mutants of real states.
 *   bun tests/state/fuzz.ts --inputs 1000000 --seed 7      (about ten minutes; without --seed: a new one, printed)
 * Exit code 0: no violation; 1: at least one, or a detector that does not see its planted defect; 2: wrong arguments.
 */
import { parseArgs } from "node:util";
import { parseState } from "../../runtime/state/index.ts";
import { blindTo, campaign, GROWTH_BYTES, SLOWEST_MS } from "./campaign.ts";

const { values } = parseArgs({ options: { inputs: { type: "string" }, seed: { type: "string" } } });
const inputs = Number(values.inputs ?? 1_000_000);
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
if (!Number.isInteger(inputs) || inputs < 1 || !Number.isInteger(seed)) {
  console.error("usage: bun tests/state/fuzz.ts [--inputs <count>] [--seed <whole number>]");
  process.exit(2);
}

const blind = blindTo(1_500, 1);
if (blind.length > 0) {
  console.error(`detectors that miss a planted defect: ${blind.join(", ")}`);
  process.exit(1);
}

console.log(`state parser: ${inputs} inputs, seed ${seed}; every detector found its planted defect`);
const report = campaign(parseState, { inputs, seed });
const mib = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`;
console.log(`inputs/s ${Math.round(report.inputs / report.seconds)}, accepted ${report.accepted}`);
console.log(`slowest ${report.slowestMs.toFixed(1)} ms (at most ${SLOWEST_MS}): ${report.slowest}`);
console.log(`memory growth ${mib(report.growthBytes)} (at most ${mib(GROWTH_BYTES)})`);
for (const [violation, what] of report.violations) console.error(`VIOLATION ${violation}, ${what}`);
if (report.violations.size > 0) console.error(`repeat: bun tests/state/fuzz.ts --inputs ${inputs} --seed ${seed}`);
process.exit(report.violations.size > 0 ? 1 : 0);
