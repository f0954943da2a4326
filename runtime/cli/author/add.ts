import { command, flag, operand } from "../command.ts";
import { EXIT, exits, refuse } from "./exits.ts";

export const addCommand = command("add", {
  summary: "Put files into the next commit",
  example: "cairn add web 'bsp/*.json'",
  flags: {
    raw: flag.switch("keep them byte for byte, also those in .json, which otherwise become part of the state", "r"),
    json: flag.switch("what was added, as one JSON object"),
  },
  operands: {
    files: operand.many(
      'files, folders with all that is in them, patterns on whole paths ("*" ends at a "/", "**" does not); default: everything',
    ),
  },
  exits,
  async run({ files, raw, json }, out) {
    const { add, explainWorkingCopy, openWorkingCopy } = await import("../../author/working-copy/index.ts");
    const { realDisk } = await import("../../store/index.ts");
    const copy = await openWorkingCopy(realDisk, ".");
    const added = copy.ok ? await add(copy.value, { patterns: files, raw }) : copy;
    if (!added.ok) return refuse(out, explainWorkingCopy(added.error));
    if (json) out.print(JSON.stringify({ added: added.value.paths }));
    else if (added.value.paths.length > 0) out.print(added.value.paths.map((path) => `A ${path}`).join("\n"));
    return EXIT.done;
  },
});
