import { command, flag, operand } from "../command.ts";
import { EXIT, exits, refuse } from "./exits.ts";
import { objectsFlag, specFlag } from "./new.ts";
import { objectProgress, REFERENCE } from "./take.ts";

export const cloneCommand = command("clone", {
  summary: "Make a working copy of a revision that is somewhere else",
  example: "cairn clone gateway.tgz gateway",
  flags: {
    objects: objectsFlag,
    spec: specFlag,
    canonical: flag.switch("write JSON in its canonical form, in one line", "c"),
    json: flag.switch("where it is and what it is, as one JSON object"),
  },
  operands: {
    from: operand.needed(REFERENCE),
    folder: operand.optional("where; it must not be there, or be empty; default: called as the source is"),
  },
  exits,
  async run({ from, folder, objects, spec, canonical, json }, out) {
    const { clone, explainReference } = await import("../../author/reference/index.ts");
    const { DEFAULT_SPEC, userFolder } = await import("../../author/repository/index.ts");
    const { realDisk } = await import("../../store/index.ts");
    const user = userFolder(process.env);
    const cloned = await clone(realDisk, {
      reference: from,
      folder,
      canonical,
      user,
      spec: spec ?? DEFAULT_SPEC,
      objectsDir: objects ?? `${user}/objects`,
      now: new Date(),
      progress: objectProgress(out, "fetched", json),
    });
    if (!cloned.ok) return refuse(out, explainReference(cloned.error));
    const { folder: made, state, fetched } = cloned.value;
    out.print(json ? JSON.stringify({ folder: made, state, fetched }) : `${made} is a working copy of ${from}`);
    return EXIT.done;
  },
});
