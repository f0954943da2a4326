import { command, EXIT_USAGE, flag, operand } from "../command.ts";
import { sizeText } from "../size.ts";
import { EXIT, exits, refuse } from "./exits.ts";

export const exportCommand = command("export", {
  summary: "Pack what is committed here into an archive; the same state gives the same bytes",
  example: "cairn export -p web,bsp gateway.tgz",
  flags: {
    parts: flag.text("only these, separated by commas; part web is web/, _config/web/ and _sigs/web.json", "p"),
    json: flag.switch("how much there is in it, as one JSON object"),
  },
  operands: { file: operand.needed("where to; packed with gzip if it ends in .gz or .tgz; - is stdout") },
  exits,
  async run({ file, parts, json }, out) {
    const { explainReference, exportFile, exportStream } = await import("../../author/reference/index.ts");
    const { openRepository } = await import("../../author/repository/index.ts");
    const { realDisk } = await import("../../store/index.ts");
    if (file === "-" && json) {
      out.complain("--json and an archive on stdout are too much for one stream");
      return EXIT_USAGE;
    }
    const chosen = parts === null ? [] : parts.split(",").filter((part) => part !== "");
    const repository = await openRepository(realDisk, ".");
    if (!repository.ok) return refuse(out, explainReference(repository.error));
    out.progress?.(`packing ${file}`);
    const exported =
      file === "-"
        ? await exportStream(repository.value, chosen, async (bytes) => out.write(bytes))
        : await exportFile(repository.value, chosen, file);
    if (!exported.ok) return refuse(out, explainReference(exported.error));
    const { objects, bytes } = exported.value;
    if (json) out.print(JSON.stringify({ objects, bytes }));
    else if (file !== "-") out.print(`${file}: the state and ${objects} objects, ${sizeText(bytes)}`);
    return EXIT.done;
  },
});
