/** `cairn link` whose time goes on with each SIGUSR2, to what is due next; a line on descriptor 3 says how much has passed since it began. */
import { writeSync } from "node:fs";
import { stepClock } from "./stepped-clock.ts";

const SAID = 3;
const STEP_MS_MAX = 10 * 60_000;
const clock = stepClock();
process.on("SIGUSR2", () => void clock.step(STEP_MS_MAX).then((passedMs) => writeSync(SAID, `${passedMs}\n`)));
await import("../../runtime/main.ts");
