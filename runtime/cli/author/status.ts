import { command, flag } from "../command.ts";
import { EXIT, exits, refuse } from "./exits.ts";

export const statusCommand = command("status", {
  aliases: ["st"],
  summary: "List what differs from the last commit: A new, C changed, D removed, ? not added",
  example: "cairn status",
  flags: { json: flag.switch("one JSON object with four lists of paths") },
  operands: {},
  exits,
  async run({ json }, out) {
    const { changesBetween, explainBroken, explainWorkingCopy, openWorkingCopy, scan } = await import(
      "../../author/working-copy/index.ts"
    );
    const { realDisk } = await import("../../store/index.ts");
    const copy = await openWorkingCopy(realDisk, ".");
    const scanned = copy.ok ? await scan(copy.value) : copy;
    if (!scanned.ok) return refuse(out, explainWorkingCopy(scanned.error));
    const { pristine, working, untracked, walked, broken } = scanned.value;
    const changes = changesBetween(pristine, working);
    if (json) {
      const of = (wanted: string) => changes.filter(([letter]) => letter === wanted).map(([, path]) => path);
      out.print(JSON.stringify({ added: of("A"), changed: of("C"), removed: of("D"), untracked }));
    } else {
      const lines = [...changes, ...untracked.map((path) => ["?", path] as const)];
      // By path, so that what belongs together stands together.
      const sorted = lines.toSorted(([, a], [, b]) => (a < b ? -1 : 1));
      if (sorted.length > 0) out.print(sorted.map(([letter, path]) => `${letter} ${path}`).join("\n"));
    }
    for (const { path, what } of walked.oddities) out.complain(`${path} is ${what}: it is left out`);
    for (const file of broken) out.complain(explainBroken(file));
    return EXIT.done;
  },
});
