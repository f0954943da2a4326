import { type Command, command, flag, type Operand, type Out, operand } from "../command.ts";
import { sizeText } from "../size.ts";
import { EXIT, exits, refuse } from "./exits.ts";

export const REFERENCE =
  'a folder with .pvr in it, an unpacked export, or an archive; "#web,bsp,-old" behind it takes parts web and bsp and drops old: ' +
  "part web is web/, _config/web/ and _sigs/web.json";

const again = (which: string): string => `${REFERENCE}; default: ${which}`;

/** A line for each object where there is no terminal; the same line again and again where there is one. */
export const objectProgress =
  (out: Out, what: string, quiet: boolean) =>
  (done: number, all: number, digest: string, sizeBytes: number): void => {
    const line = `${what} object ${done} of ${all}: ${digest}, ${sizeText(sizeBytes)}`;
    if (out.progress !== null) out.progress(line);
    else if (!quiet) out.print(line);
  };

const taking = <O extends Operand<boolean, false>>(
  how: "get" | "merge" | "import",
  spec: { readonly summary: string; readonly example: string; readonly from: O },
): Command =>
  command(how, {
    summary: spec.summary,
    example: spec.example,
    flags: { json: flag.switch("the new state's SHA-256 and the changes, as one JSON object") },
    operands: { from: spec.from as Operand<false, false> },
    exits,
    async run({ from, json }, out) {
      const { explainReference, take } = await import("../../author/reference/index.ts");
      const { openRepository } = await import("../../author/repository/index.ts");
      const { realDisk } = await import("../../store/index.ts");
      const repository = await openRepository(realDisk, ".");
      if (!repository.ok) return refuse(out, explainReference(repository.error));
      const reference = from ?? repository.value.config.DefaultGetUrl;
      if (reference === "") return refuse(out, explainReference({ kind: "noReference", command: "clone" }));
      const progress = objectProgress(out, "fetched", json);
      const taken = await take(repository.value, { how, reference, now: new Date(), progress });
      if (!taken.ok) return refuse(out, `${explainReference(taken.error)}\nnothing was taken over`);
      const { changes, state, fetched } = taken.value;
      if (json) out.print(JSON.stringify({ state, changes, fetched }));
      else if (changes.length === 0) out.print("nothing changed");
      else {
        out.print(changes.map(([letter, path]) => `${letter} ${path}`).join("\n"));
        out.print('"cairn checkout" brings it into the working copy');
      }
      return EXIT.done;
    },
  });

export const getCommand = taking("get", {
  summary: "Take a revision, or parts of one, in place of what is committed here",
  example: "cairn get ../gateway#web",
  from: operand.optional(again("where it was cloned from")),
});

export const mergeCommand = taking("merge", {
  summary:
    "Merge a revision, or parts of one, into what is committed here (RFC 7386): members of its JSON win, others stay",
  example: "cairn merge web-1.4.tgz#web",
  from: operand.optional(again("where it was cloned from")),
});

export const importCommand = taking("import", {
  summary: "Replace what is committed here by an export, each of its files checked",
  example: "cairn import gateway.tgz",
  from: operand.needed("archive that export made, or one unpacked"),
});
