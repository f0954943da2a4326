import { command, flag } from "../command.ts";
import { EXIT, exits, fileProgress, refuse } from "./exits.ts";

export const commitCommand = command("commit", {
  aliases: ["ci"],
  summary: "Make the tracked files the repository's state",
  example: 'cairn commit -m "web 1.4"',
  flags: {
    message: flag.text("what the log says of it", "m"),
    checkpoint: flag.switch("with a new checkpoint.json: a revision that a device can be sent back to", "c"),
    json: flag.switch("the state's SHA-256 and the changes, as one JSON object"),
  },
  operands: {},
  exits,
  async run({ message, checkpoint, json }, out) {
    const { commit, explainWorkingCopy, openWorkingCopy } = await import("../../author/working-copy/index.ts");
    const { realDisk } = await import("../../store/index.ts");
    const copy = await openWorkingCopy(realDisk, ".");
    const progress = fileProgress(out, "storing");
    const committed = copy.ok ? await commit(copy.value, { message, checkpoint, now: new Date(), progress }) : copy;
    if (!committed.ok) return refuse(out, `${explainWorkingCopy(committed.error)}\nnothing was committed`);
    const { state, changes, nulls } = committed.value;
    for (const path of nulls)
      out.complain(`${path}: members that are null are left out, as a state does not keep them`);
    if (json) out.print(JSON.stringify({ state, changes }));
    else if (changes.length === 0) out.print("nothing to commit");
    else out.print([...changes.map(([letter, path]) => `${letter} ${path}`), `committed ${state}`].join("\n"));
    return EXIT.done;
  },
});
