/**
 * Kills a hub and its broker COUNT times while a fleet works, and looks for what was lost. The campaign's fate comes from SEED; what the
 * processes do in between comes from the machine, so a problem shows up again by chance only.
 *
 *     SEED=n COUNT=n bun tests/hub/killed/proof.ts
 */
import { ordersOf } from "../../power/orders.ts";
import { killed } from "./campaign.ts";

const { seed, count } = ordersOf(process.env, 200);
const say = (line: string): void => console.log(line);
const { problems, counts } = await killed(seed, count, say);
for (const problem of problems) say(problem);
const work = Object.entries(counts).map(([what, number]) => `${number} ${what}`);
say(
  `${work.join(", ")} acknowledged; ${count} kills, ${problems.length} problems; repeat: SEED=${seed} COUNT=${count} make proof-hub`,
);
process.exit(problems.length === 0 ? 0 : 1);
