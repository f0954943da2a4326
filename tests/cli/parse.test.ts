import { describe, expect, test } from "bun:test";
import { type Command, type CommandGroup, command, flag, group, operand } from "../../runtime/cli/command.ts";
import { ctl } from "../../runtime/cli/ctl/commands.ts";
import { fleet } from "../../runtime/cli/fleet/commands.ts";
import { helpText } from "../../runtime/cli/help.ts";
import { hub } from "../../runtime/cli/hub/commands.ts";
import { nearest } from "../../runtime/cli/nearest.ts";
import { parse } from "../../runtime/cli/parse.ts";
import { commands } from "../../runtime/cli/run.ts";
import { table } from "../../runtime/cli/table.ts";

const leaf = (name: string) =>
  command(name, {
    aliases: ["mv"],
    summary: "Move something",
    example: `tool ${name} a`,
    flags: { socket: flag.text("where", "s"), json: flag.switch("raw") },
    operands: { from: operand.needed("old place"), to: operand.optional("new place") },
    exits: { 0: "done" },
    run: async () => 0,
  });
const bare = command("stay", {
  summary: "",
  example: "tool stay",
  flags: {},
  operands: {},
  exits: {},
  run: async () => 0,
});
const tool = group("tool", { summary: "A tool", example: "tool move a", members: [leaf("move"), bare] });

const values = (...argv: string[]) => {
  const parsed = parse(tool, argv);
  return parsed.kind === "run" ? parsed.values : parsed;
};

describe("a command line", () => {
  const all = { socket: "/s", json: true, from: "a", to: "b" };
  test.each([
    [["move", "a"], { socket: null, json: false, from: "a", to: null }],
    [["move", "--socket", "/s", "--json", "a", "b"], all],
    [["-s", "/s", "move", "a", "--json", "b"], all],
    [["--json", "--socket=/s", "mv", "a", "b"], all],
    [["move", "-s", "/old", "-s", "/s", "--json", "a", "b"], all],
    [["move", "--socket=a=b", "x"], { socket: "a=b", json: false, from: "x", to: null }],
    [["move", "--", "--json", "-h"], { socket: null, json: false, from: "--json", to: "-h" }],
    [["move", "-"], { socket: null, json: false, from: "-", to: null }],
  ])("%j is read", (argv, found) => {
    expect(values(...argv)).toEqual(found);
  });

  test.each([
    [["mvoe"], ["tool"], 'unknown command "mvoe": did you mean "move"?'],
    [["fly"], ["tool"], 'unknown command "fly"'],
    [["move", "--jsno", "a"], ["tool", "move"], 'unknown flag "--jsno": did you mean "--json"?'],
    [["move", "-x", "a"], ["tool", "move"], 'unknown flag "-x"'],
    [["--json", "stay"], ["tool", "stay"], 'unknown flag "--json"'],
    [["move", "a", "--socket"], ["tool", "move"], "flag --socket wants a value"],
    [["move", "a", "--json=yes"], ["tool", "move"], "flag --json takes no value"],
    [["move"], ["tool", "move"], "<from> is missing"],
    [["move", "a", "b", "c"], ["tool", "move"], '"c" is one argument too many'],
    [["move", "a", "--constructor"], ["tool", "move"], 'unknown flag "--constructor"'],
  ])("%j is wrong and says why", (argv, path, why) => {
    expect(parse(tool, argv)).toEqual({ kind: "wrong", path, why });
  });

  test("that stops at a group asks for a command", () => {
    expect(parse(tool, [])).toEqual({ kind: "noCommand", node: tool, path: ["tool"] });
  });

  test("may ask for help anywhere, wanting nothing else", () => {
    for (const argv of [["--help"], ["-h"]]) expect(parse(tool, argv)).toMatchObject({ kind: "help", path: ["tool"] });
    for (const argv of [
      ["move", "--help"],
      ["--help", "mv"],
      ["move", "a", "-h"],
    ]) {
      expect(parse(tool, argv)).toMatchObject({ kind: "help", path: ["tool", "move"] });
    }
  });
});

describe("every command of cairn", () => {
  const cairn = commands([ctl, hub, fleet]);
  const walk = (node: Command | CommandGroup, path: readonly string[]): [string, Command | CommandGroup][] => [
    [path.join(" "), node],
    ...(node.kind === "group" ? node.members.flatMap((m) => walk(m, [...path, m.name])) : []),
  ];
  test.each(walk(cairn, ["cairn"]))("%s: help has a summary and an example that works", (path, node) => {
    const help = helpText(node, path.split(" "));
    expect(help).toStartWith(`usage: ${path}`);
    expect(help).toContain(`\n${node.summary}\n`);
    expect(help).toContain(`example:\n  ${node.example}`);
    const words = [...node.example.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? "");
    expect(node.example).toStartWith(path);
    expect(parse(cairn, words.slice(1)).kind).toBe("run");
  });

  test("says what its exit codes mean", () => {
    for (const [, node] of walk(cairn, ["cairn"])) {
      if (node.kind === "command") expect(Object.keys(node.exits).length).toBeGreaterThan(0);
    }
  });
});

test.each([
  ["continers", "containers"],
  ["gruops", "groups"],
  ["configs", "config"],
  ["l", "ls"],
  ["xyzzy", null],
  ["", null],
])("%j is taken for %j", (typed, name) => {
  expect(nearest(typed, ["containers", "groups", "config", "ls"])).toBe(name);
});

test("a table is aligned, also with wide characters, and cannot steer the terminal", () => {
  const rows = [
    ["NAME", "V"],
    ["日本", "1"],
    ["a\u001b[2J", "long value"],
  ];
  expect(table(rows)).toBe("NAME   V\n日本   1\na?[2J  long value");
});

test("a flag of texts is a list in the order given, empty when it is not", () => {
  const arg = command("make", {
    summary: "",
    example: "",
    flags: { arg: flag.texts("NAME=VALUE", "a") },
    operands: {},
    exits: {},
    run: async () => 0,
  });
  const made = (...argv: string[]) => {
    const parsed = parse(group("tool", { summary: "", example: "", members: [arg] }), ["make", ...argv]);
    return parsed.kind === "run" ? parsed.values : parsed;
  };
  expect(made("--arg", "A=1", "-a", "B=2", "--arg=C=3=4")).toEqual({ arg: ["A=1", "B=2", "C=3=4"] });
  expect(made()).toEqual({ arg: [] });
  expect(helpText(arg, ["tool", "make"])).toContain("--arg <arg> …");
});
