import { type CommandGroup, command, EXIT_USAGE, group, operand } from "../command.ts";
import { readStandardInput } from "../text.ts";
import { common, list, order, tell } from "./call.ts";
import { component } from "./client.ts";
import { exits } from "./exits.ts";
import { metadataTable } from "./tables.ts";

/** Reference 8.7. */
const VALUE_BYTES_MAX = 4096;

function metadata(name: "usrmeta" | "devmeta", root: string, whose: string): CommandGroup {
  const path = (key: string): string => `${root}/${component(key)}`;
  return group(name, {
    summary: `List, set and delete ${whose} metadata`,
    example: `cairn ctl ${name} ls`,
    members: [
      list("ls", "List every key with its value", `cairn ctl ${name} ls`, root, metadataTable),
      command("save", {
        summary: `Set a key, at most ${VALUE_BYTES_MAX} bytes`,
        example: `cairn ctl ${name} save web.colour green`,
        flags: common,
        operands: {
          key: operand.needed("a key <container>.<name> is seen by that container, too"),
          value: operand.optional("default: what comes on stdin, to its end"),
        },
        exits,
        async run(values, out) {
          const body = values.value ?? (await readStandardInput(VALUE_BYTES_MAX));
          if (body !== null) return tell(values, { method: "PUT", path: path(values.key), body }, out);
          out.complain(`a value has at most ${VALUE_BYTES_MAX} bytes of UTF-8`);
          return EXIT_USAGE;
        },
      }),
      order("delete", {
        summary: "Delete a key",
        example: `cairn ctl ${name} delete web.colour`,
        operand: ["key", operand.needed("as the list has it")],
        call: (key) => ({ method: "DELETE", path: path(key) }),
      }),
    ],
  });
}

export const metadataGroups: readonly CommandGroup[] = [
  metadata("usrmeta", "/user-meta", "the user's"),
  metadata("devmeta", "/device-meta", "the device's"),
];
