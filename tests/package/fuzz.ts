/**
 * A fuzzing campaign against the reader of exports, in files, as it reads them.
 *   bun tests/package/fuzz.ts [--inputs 1000000] [--seed 7]
 */
import { parseArgs } from "node:util";
import { campaign } from "./campaign.ts";

const { values } = parseArgs({ options: { inputs: { type: "string" }, seed: { type: "string" } } });
const inputs = Number(values.inputs ?? 1_000_000);
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
if (!Number.isInteger(inputs) || inputs < 1 || !Number.isInteger(seed)) {
  console.error("usage: bun tests/package/fuzz.ts [--inputs <count>] [--seed <whole number>]");
  process.exit(2);
}
console.log(`export: ${inputs} inputs, seed ${seed}`);
const { opened, slowestMs, growthBytes, violations } = await campaign(inputs, seed);
console.log(
  `opened ${opened}, slowest ${slowestMs.toFixed(1)} ms, memory growth ${(growthBytes / 2 ** 20).toFixed(1)} MiB`,
);
for (const violation of violations) console.error(`VIOLATION ${violation}`);
if (violations.length > 0) console.error(`repeat: bun tests/package/fuzz.ts --inputs ${inputs} --seed ${seed}`);
process.exit(violations.length > 0 ? 1 : 0);
