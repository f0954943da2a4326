import { command, flag } from "../command.ts";
import { printable } from "../table.ts";
import { EXIT, exits, refuse } from "./exits.ts";

export const logCommand = command("log", {
  summary: "List what was committed here, the newest first",
  example: "cairn log",
  flags: { json: flag.switch("one JSON object a line") },
  operands: {},
  exits,
  async run({ json }, out) {
    const { explainRepository, openRepository, readLog } = await import("../../author/repository/index.ts");
    const { realDisk } = await import("../../store/index.ts");
    const repository = await openRepository(realDisk, ".");
    const log = repository.ok ? await readLog(repository.value) : repository;
    if (!log.ok) return refuse(out, explainRepository(log.error));
    for (const entry of log.value) {
      if (json) {
        out.print(JSON.stringify(entry));
        continue;
      }
      const { state, time, message, changes, changesMore } = entry;
      const lines = message.trimEnd().split("\n");
      out.print(`${state}  ${time}`);
      for (const line of lines) out.print(printable(`    ${line}`));
      for (const [letter, path] of changes) out.print(printable(`    ${letter} ${path}`));
      if (changesMore > 0) out.print(`    and ${changesMore} more`);
    }
    return EXIT.done;
  },
});
