import type { Command, CommandGroup, Flag, ParsedValues } from "./command.ts";
import { nearest } from "./nearest.ts";

type Node = Command | CommandGroup;

/** What a command line asks for. `path` is the words from the root to the node, with their first names. */
export type Parsed =
  | {
      readonly kind: "run";
      readonly command: Command;
      readonly values: ParsedValues;
    }
  | { readonly kind: "help"; readonly node: Node; readonly path: readonly string[] }
  | { readonly kind: "version" }
  | { readonly kind: "noCommand"; readonly node: CommandGroup; readonly path: readonly string[] }
  | { readonly kind: "wrong"; readonly path: readonly string[]; readonly why: string };

interface GivenFlag {
  readonly typed: string;
  readonly name: string;
  readonly value: string | true;
}

/**
 * Reads a command line. Flags may stand before, between and behind the other words (`-s` before the command, as the original's
 * client has it); `--` ends them. A flag that its command does not know, a surplus word and a missing one are wrong.
 */
export function parse(root: CommandGroup, argv: readonly string[]): Parsed {
  let node: Node = root;
  const path = [root.name];
  const wrong = (why: string): Parsed => ({ kind: "wrong", path, why });
  const words: string[] = [];
  const given: GivenFlag[] = [];
  let help = false;

  for (let index = 0; index < argv.length; index++) {
    const token = argv[index] ?? "";
    if (token === "--") {
      words.push(...argv.slice(index + 1));
      break;
    }
    if (token === "--help" || token === "-h") {
      help = true;
    } else if (token === "--version" && node === root) {
      return { kind: "version" };
    } else if (token.startsWith("-") && token !== "-") {
      const found = flagOf(node, token);
      if (found === null) return wrong(unknown("flag", token, flagNames(node)));
      const inline = token.startsWith("--") && token.includes("=") ? token.slice(token.indexOf("=") + 1) : null;
      if (found.flag.kind === "switch") {
        if (inline !== null) return wrong(`flag --${found.name} takes no value`);
        given.push({ typed: token, name: found.name, value: true });
      } else {
        const value = inline ?? argv[++index];
        if (value === undefined) return wrong(`flag ${token} wants a value`);
        given.push({ typed: token, name: found.name, value });
      }
    } else if (node.kind === "command") {
      words.push(token);
    } else {
      const next: Node | undefined = node.members.find((m) => m.name === token || m.aliases.includes(token));
      if (next === undefined)
        return wrong(
          unknown(
            "command",
            token,
            node.members.map((m) => m.name),
          ),
        );
      node = next;
      path.push(next.name);
    }
  }
  if (help) return { kind: "help", node, path };
  if (node.kind === "group") {
    return words.length === 0 ? { kind: "noCommand", node, path } : wrong(`"${words[0]}" is no command`);
  }
  return fill(node, words, given, wrong);
}

const ABSENT = { switch: false, text: null, texts: [] } as const;

function fill(
  node: Command,
  words: readonly string[],
  given: readonly GivenFlag[],
  wrong: (why: string) => Parsed,
): Parsed {
  const values: Record<string, ParsedValues[string]> = {};
  for (const [name, { kind }] of Object.entries(node.flags)) values[name] = ABSENT[kind];
  for (const { typed, name, value } of given) {
    if (!Object.hasOwn(node.flags, name)) return wrong(unknown("flag", typed, flagNames(node)));
    const before = values[name];
    values[name] = Array.isArray(before) ? [...before, value] : value;
  }
  const operands = Object.entries(node.operands);
  for (const [index, [name, { needed, many }]] of operands.entries()) {
    if (many) {
      values[name] = words.slice(index);
      return { kind: "run", command: node, values };
    }
    const word = words[index];
    if (word === undefined && needed) return wrong(`<${name}> is missing`);
    values[name] = word ?? null;
  }
  const surplus = words[operands.length];
  if (surplus !== undefined) return wrong(`"${surplus}" is one argument too many`);
  return { kind: "run", command: node, values };
}

/** The flag a token names: of the command, or of any command below the group, as the command is not known yet. */
function flagOf(node: Node, token: string): { readonly name: string; readonly flag: Flag } | null {
  const long = token.startsWith("--") ? token.slice(2).split("=", 1)[0] : null;
  for (const [name, flag] of allFlags(node)) {
    if (long === null ? `-${flag.short}` === token : name === long) return { name, flag };
  }
  return null;
}

const allFlags = (node: Node): readonly (readonly [string, Flag])[] =>
  node.kind === "command" ? Object.entries(node.flags) : node.members.flatMap(allFlags);

const flagNames = (node: Node): readonly string[] => [
  "--help",
  ...new Set(allFlags(node).map(([name]) => `--${name}`)),
];

function unknown(what: "flag" | "command", typed: string, names: readonly string[]): string {
  const meant = nearest(typed, names);
  return `unknown ${what} "${typed}"${meant === null ? "" : `: did you mean "${meant}"?`}`;
}
