import { type Command, command, flag } from "../command.ts";
import { EXIT, exits, fileProgress, refuse } from "./exits.ts";

/** What `pvr` has as one command with several names; people look for either. */
const checkoutAs = (name: "checkout" | "reset", aliases: readonly string[], summary: string): Command =>
  command(name, {
    aliases,
    summary,
    example: `cairn ${name}`,
    flags: {
      canonical: flag.switch("write JSON in its canonical form, in one line, also where the file says the same", "c"),
      json: flag.switch("what was written, as one JSON object"),
    },
    operands: {},
    exits,
    async run({ canonical, json }, out) {
      const { checkout, explainWorkingCopy, openWorkingCopy } = await import("../../author/working-copy/index.ts");
      const { realDisk } = await import("../../store/index.ts");
      const copy = await openWorkingCopy(realDisk, ".");
      const done = copy.ok ? await checkout(copy.value, { canonical, progress: fileProgress(out, "writing") }) : copy;
      if (!done.ok) return refuse(out, explainWorkingCopy(done.error));
      const { written, forgotten } = done.value;
      if (json) out.print(JSON.stringify({ written }));
      else
        out.print(
          `${written.length} file${written.length === 1 ? "" : "s"} written${forgotten > 0 ? `, ${forgotten} no longer added` : ""}`,
        );
      return EXIT.done;
    },
  });

export const checkoutCommand = checkoutAs(
  "checkout",
  ["co"],
  "Give every tracked file its committed contents, as after get, merge and import; other files are left alone",
);

export const resetCommand = checkoutAs(
  "reset",
  [],
  "Throw away what was changed or added since the last commit; files that are not tracked are left alone",
);
