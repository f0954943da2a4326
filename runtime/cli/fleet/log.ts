import { command, flag } from "../command.ts";
import { table } from "../table.ts";
import { call } from "./call.ts";
import { exits } from "./exits.ts";

export const logCommand = command("log", {
  summary: "List who changed what about devices, revisions, releases and tokens, the newest first",
  example: "cairn fleet log",
  flags: { json: flag.switch("one JSON object a line") },
  operands: {},
  exits,
  async run({ json }, out) {
    const v = await import("valibot");
    const Deed = v.object({ at: v.string(), who: v.string(), what: v.string(), about: v.string() });
    return call({ method: "GET", path: "/log" }, v.object({ log: v.array(Deed) }), out, ({ log }) => {
      if (json) for (const deed of log) out.print(JSON.stringify(deed));
      else if (log.length > 0) out.print(table(log.map(({ at, who, what, about }) => [at, who, what, about])));
    });
  },
});
