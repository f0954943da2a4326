import { command, EXIT_USAGE, flag, type Out, operand } from "../command.ts";
import { call } from "./call.ts";
import type { Commanded } from "./commanded.ts";
import { EXIT } from "./exits.ts";
import { exitOf, expires, followed, give, LOOK_MS, ORDER_EXIT, orderExits, pathOf } from "./order.ts";
import { endOf } from "./revisions.ts";

const LINES = "100";
/** How often is looked for lines that are still on their way. */
const LOOKS = 60;

export const logsCommand = command("logs", {
  summary: "Ask a device for its last log lines, and show them when they have come; or show what came before",
  example: "cairn fleet logs mtztsj7ktdtb3 --container web --lines 50",
  flags: {
    lines: flag.text(
      `how many, 1 to 1000; ${LINES} unless told. Fewer come when they do not fit into a message or the budget`,
    ),
    container: flag.text("whose console; without, what the runtime itself says"),
    expires,
    kept: flag.switch("ask for nothing: show what the hub has, the evidence of failures with it"),
    json: flag.switch("one JSON object for each time that lines came"),
  },
  operands: { device: operand.needed("id of the device") },
  exits: orderExits,
  async run({ device, lines, container, expires: until, kept, json }, out) {
    if (kept) return showKept(device, json, out);
    const end = until === null ? null : endOf(until, Date.now());
    if (end === "wrong") {
      out.complain(`cairn fleet logs: --expires "${until}" is no time`);
      return EXIT_USAGE;
    }
    const argument = [...(container === null ? [] : [container]), lines ?? LINES].join(" ");
    const given = await give({ device, operation: "logs", argument, expires: end }, out);
    if (typeof given === "number") return given;
    const { commandedText } = await import("./commanded.ts");
    if (!json) out.complain(commandedText(given));
    const found = await followed(given, out);
    if (typeof found === "number") return found;
    if (!json || exitOf(found) !== EXIT.done) out.complain(commandedText(found));
    return exitOf(found) === EXIT.done ? showNew(found, json, out) : exitOf(found);
  },
});

async function showKept(device: string, json: boolean, out: Out): Promise<number> {
  const { LogLinesList, logLinesText } = await import("./log-lines.ts");
  return call({ method: "GET", path: pathOf(device, "logs") }, LogLinesList, out, ({ logs }) => {
    for (const one of logs.toReversed()) out.print(json ? JSON.stringify(one) : logLinesText(one));
  });
}

/** Lines travel behind everything else: they may come after the answer that counts them. */
async function showNew({ device, id }: Commanded, json: boolean, out: Out): Promise<number> {
  const { LogLinesList, safeText } = await import("./log-lines.ts");
  const path = pathOf(device, `logs?command=${id}`);
  for (let looks = 0; looks < LOOKS; looks += 1) {
    if (looks > 0) await Bun.sleep(LOOK_MS);
    let isShown = false;
    const exit = await call({ method: "GET", path }, LogLinesList, out, ({ logs }) => {
      isShown = logs.length > 0;
      for (const one of logs) if (json || one.text !== "") out.print(json ? JSON.stringify(one) : safeText(one.text));
    });
    if (exit !== EXIT.done || isShown) return exit;
  }
  out.complain("the lines are still on their way: --kept shows them when they have come");
  return ORDER_EXIT.expired;
}
