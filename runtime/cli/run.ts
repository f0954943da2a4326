import { buildinfo } from "../buildinfo.ts";
import { authoring } from "./author/index.ts";
import { type CommandGroup, command, EXIT_USAGE, group, type Out } from "./command.ts";
import { ctlOutline } from "./ctl/outline.ts";
import { fleetOutline } from "./fleet/outline.ts";
import { helpText } from "./help.ts";
import { hubOutline } from "./hub/outline.ts";
import { linkCommand } from "./link.ts";
import { parse } from "./parse.ts";

/** Groups whose commands load when their word is on the command line: most of a start would be spent on loading them. */
const late: readonly { readonly outline: Outline; readonly load: () => Promise<CommandGroup> }[] = [
  { outline: ctlOutline, load: async () => (await import("./ctl/commands.ts")).ctl },
  { outline: hubOutline, load: async () => (await import("./hub/commands.ts")).hub },
  { outline: fleetOutline, load: async () => (await import("./fleet/commands.ts")).fleet },
];

type Outline = Pick<CommandGroup, "name" | "summary" | "example">;

/** Every command there is, with those of the groups that load late. */
export const commands = (groups: readonly CommandGroup[]): CommandGroup =>
  group("cairn", {
    summary: "Runs a device as a stack of content-addressed parts",
    example: "cairn ctl containers ls",
    members: [
      command("runtime", {
        summary: "Be the device runtime, which is what this program is as process 1",
        example: "cairn runtime",
        flags: {},
        operands: {},
        exits: { [EXIT_USAGE]: "wrong arguments, or not process 1" },
        run: async (_, out) => {
          if (process.pid === 1) return (await import("../boot/index.ts")).runtime();
          out.complain("cairn runtime: mounts, reboots and reaps for a whole machine, so it runs as process 1 only");
          return EXIT_USAGE;
        },
      }),
      linkCommand,
      ...groups,
      ...authoring,
    ],
  });

/** Does what the words after the program's name ask for, and ends with the exit code. */
export async function runCommandLine(argv: readonly string[], out: Out): Promise<number> {
  const groups = await Promise.all(
    late.map(({ outline, load }) =>
      argv.includes(outline.name) ? load() : group(outline.name, { ...outline, members: [] }),
    ),
  );
  const parsed = parse(commands(groups), argv);
  switch (parsed.kind) {
    case "run":
      return parsed.command.run(parsed.values, out);
    case "help":
      out.print(helpText(parsed.node, parsed.path));
      return 0;
    case "version":
      out.print(buildinfo.trimEnd());
      return 0;
    case "noCommand":
      out.complain(helpText(parsed.node, parsed.path));
      return EXIT_USAGE;
    case "wrong": {
      const path = parsed.path.join(" ");
      out.complain(`${path}: ${parsed.why}\n"${path} --help" says what it takes`);
      return EXIT_USAGE;
    }
  }
}
