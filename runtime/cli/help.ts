import type { Command, CommandGroup } from "./command.ts";
import { table } from "./table.ts";

/** The help of a command or of a group of them; `path` is the words that lead to it. */
export function helpText(node: Command | CommandGroup, path: readonly string[]): string {
  return node.kind === "group" ? groupHelp(node, path) : commandHelp(node, path.join(" "));
}

const section = (title: string, rows: readonly (readonly string[])[]): string[] =>
  rows.length === 0
    ? []
    : [
        "",
        `${title}:`,
        ...table(rows)
          .split("\n")
          .map((line) => `  ${line}`),
      ];

const HELP_FLAG = ["--help, -h", "this text"] as const;
const VERSION_FLAG = ["--version", "which build this is"] as const;

function groupHelp(node: CommandGroup, words: readonly string[]): string {
  const path = words.join(" ");
  return [
    `usage: ${path} <command> …`,
    node.summary,
    ...section(
      "commands",
      node.members.map((m) => [m.name, m.summary]),
    ),
    ...section("flags", words.length === 1 ? [HELP_FLAG, VERSION_FLAG] : [HELP_FLAG]),
    ...section("example", [[node.example]]),
    "",
    `"${path} <command> --help" says more.`,
  ].join("\n");
}

function commandHelp(node: Command, path: string): string {
  const operands = Object.entries(node.operands);
  const usage = [
    path,
    ...operands.map(([name, { needed, many }]) => (needed ? `<${name}>` : many ? `[${name}…]` : `[${name}]`)),
  ].join(" ");
  const flags = Object.entries(node.flags).map(([name, { kind, short, summary }]) => {
    const value = kind === "switch" ? "" : ` <${name}>`;
    const often = kind === "texts" ? " …" : "";
    return [`--${name}${value}${often}${short === null ? "" : `, -${short}${value}`}`, summary];
  });
  return [
    `usage: ${usage} [flags]`,
    node.summary,
    ...section(
      "arguments",
      operands.map(([name, { summary }]) => [name, summary]),
    ),
    ...section("flags", [...flags, HELP_FLAG]),
    ...section("exit codes", Object.entries(node.exits)),
    ...section("example", [[node.example]]),
  ].join("\n");
}
