import { command, flag } from "../command.ts";
import { EXIT, exits, refuse } from "./exits.ts";

export const diffCommand = command("diff", {
  aliases: ["d"],
  summary: "Show what the next commit changes in the state, as a merge patch (RFC 7386): null removes",
  example: "cairn diff",
  flags: { json: flag.switch("in one line, in canonical form") },
  operands: {},
  exits,
  async run({ json }, out) {
    const { explainWorkingCopy, openWorkingCopy, scan } = await import("../../author/working-copy/index.ts");
    const { laidOut, patchBetween, treeText } = await import("../../author/document/index.ts");
    const { realDisk } = await import("../../store/index.ts");
    const copy = await openWorkingCopy(realDisk, ".");
    const scanned = copy.ok ? await scan(copy.value) : copy;
    if (!scanned.ok) return refuse(out, explainWorkingCopy(scanned.error));
    const { pristine, working, broken } = scanned.value;
    if (broken.length > 0) return refuse(out, explainWorkingCopy({ kind: "broken", files: broken }));
    const patch = patchBetween(pristine, working);
    out.print(json ? treeText(patch) : laidOut(patch, "\t"));
    return EXIT.done;
  },
});
