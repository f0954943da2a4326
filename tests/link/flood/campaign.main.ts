/** Every malice against a device, one after the other: a line of JSON each. `campaign.main.ts SECONDS [DAY_BYTES]`, in a namespace of its own. */
import { maliceNames } from "./malice.ts";
import { runAgainst, upLoopback } from "./run.ts";

const [seconds = "3", dayBytes] = process.argv.slice(2);
upLoopback();
for (const malice of maliceNames) {
  const outcome = await runAgainst({
    malice,
    seconds: Number(seconds),
    dayBytes: dayBytes === undefined ? null : Number(dayBytes),
  });
  console.log(JSON.stringify({ malice, ...outcome }));
}
