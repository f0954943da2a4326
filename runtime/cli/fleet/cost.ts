import { command, flag } from "../command.ts";
import { call } from "./call.ts";
import type { Cost } from "./costs.ts";
import { EXIT, exits } from "./exits.ts";
import { revision } from "./revisions.ts";

const AGAIN_MS = 1_000;

export const costCommand = command("cost", {
  summary: "Show what a release would cost each device: patches from what it runs, without what carries them",
  example: "cairn fleet cost 3f9a1c --tag canary --wait",
  flags: {
    tag: flag.text("whose devices are meant; otherwise all"),
    wait: flag.switch("wait until the hub has made the patches"),
    json: flag.switch("one JSON object a line: devices, what they run, bytes, bytes of objects that come whole"),
  },
  operands: { revision },
  exits,
  async run({ revision: name, tag, wait, json }, out) {
    const { Costs, costsTable, isKnown } = await import("./costs.ts");
    const query = new URLSearchParams(tag === null ? {} : { tag });
    const path = `/revisions/${encodeURIComponent(name)}/cost?${query}`;
    for (;;) {
      let costs: readonly Cost[] = [];
      const exit = await call({ method: "GET", path }, Costs, out, (answer) => {
        costs = answer.costs;
      });
      if (exit !== EXIT.done) return exit;
      if (!wait || isKnown(costs)) {
        if (!json) out.print(costsTable(costs));
        else for (const one of costs) out.print(JSON.stringify(one));
        return exit;
      }
      await Bun.sleep(AGAIN_MS);
    }
  },
});
