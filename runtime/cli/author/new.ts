import { command, flag, operand } from "../command.ts";
import { EXIT, exits, refuse } from "./exits.ts";

export const objectsFlag = flag.text(
  "folder for the files' contents, also relative to the working copy; default: the user's, which all repositories share",
  "o",
);
export const specFlag = flag.text("format of the state; default pantavisor-service-system@1", "s");

export const newCommand = command("new", {
  aliases: ["init"],
  summary: "Make a repository in this folder, or in another",
  example: "cairn new gateway",
  flags: {
    objects: objectsFlag,
    spec: specFlag,
  },
  operands: { folder: operand.optional("where; made if it is not there; default: here") },
  exits,
  async run(values, out) {
    const { resolve } = await import("node:path");
    const { createRepository, DEFAULT_SPEC, explainRepository, userFolder } = await import(
      "../../author/repository/index.ts"
    );
    const { realDisk } = await import("../../store/index.ts");
    const user = userFolder(process.env);
    const objectsDir = values.objects ?? `${user}/objects`;
    const root = resolve(values.folder ?? ".");
    const made = await createRepository(realDisk, root, { spec: values.spec ?? DEFAULT_SPEC, objectsDir, user });
    if (!made.ok) return refuse(out, explainRepository(made.error));
    out.print(`${root} has a repository now; contents of files go to ${made.value.objectsFolder}`);
    return EXIT.done;
  },
});
