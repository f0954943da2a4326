import { command, flag, operand } from "../command.ts";
import { EXIT, exits, refuse } from "./exits.ts";
import { objectProgress } from "./take.ts";

export const deployCommand = command("deploy", {
  summary: "Make what is committed here revision 0 of a new device: lay out its storage",
  example: "cairn deploy ../storage",
  flags: { json: flag.switch("one JSON object a line") },
  operands: { folder: operand.needed("where; it must not be there, or be empty: what will be the device's /storage") },
  exits,
  async run({ folder, json }, out) {
    const { deploy, explainReference } = await import("../../author/reference/index.ts");
    const { openRepository } = await import("../../author/repository/index.ts");
    const { realDisk } = await import("../../store/index.ts");
    const repository = await openRepository(realDisk, ".");
    if (!repository.ok) return refuse(out, explainReference(repository.error));
    const deployed = await deploy(repository.value, { folder, progress: objectProgress(out, "stored", json) });
    if (!deployed.ok) return refuse(out, explainReference(deployed.error));
    const { objects } = deployed.value;
    out.print(
      json ? JSON.stringify({ folder, revision: "0", objects }) : `${folder} starts revision 0; ${objects} objects`,
    );
    return EXIT.done;
  },
});
