import type { Dice } from "../fuzz/dice.ts";

const NUMBERS = [
  "0",
  "-0",
  "-1",
  "1e3",
  "1E-7",
  "9007199254740991",
  "9007199254740992",
  "-9007199254740993",
  "1e400",
  "1e-400",
];
const MORE_NUMBERS = [
  "2147483648",
  "4294967296",
  "0.1",
  "00",
  "1.",
  "-",
  "+1",
  "0x1",
  "NaN",
  "Infinity",
  "1".repeat(400),
];
const VALUES = [
  "null",
  "true",
  "{}",
  "[]",
  '""',
  '"no"',
  '"yes"',
  '"reboot"',
  '"10min"',
  "[[]]",
  '[""]',
  '{"":0}',
  `"${"0".repeat(64)}"`,
];
const NAMES = [
  "__proto__",
  "constructor",
  "toString",
  "name",
  "#spec",
  "",
  ".",
  "..",
  "/",
  "a/b",
  "../x",
  ".pvr/json",
  "_sigs/x.json",
];
const MORE_NAMES = [
  "bsp/run.json",
  "device.json",
  "groups.json",
  "web/run.json",
  "web/services.json",
  "_config/web",
  "\\u0000",
  "\\ud800",
];
const PIECES = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\\",
  "\\u",
  "\\ud83d",
  "\ud800",
  "\ufeff",
  "\u0000",
  "\n",
  "\u2028",
  "é",
  "😀",
  "/",
  "//",
];

type Mutation = (text: string, dice: Dice, corpus: readonly string[]) => string;

const replaced = (text: string, start: number, end: number, other: string): string =>
  text.slice(0, start) + other + text.slice(end);

/** A place of `text` that `pattern` (with flag g) matches, replaced by what `other` makes of it. */
function atMatch(text: string, pattern: RegExp, dice: Dice, other: (match: string) => string): string {
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return text;
  const { 0: match, index } = dice.pick(matches);
  return replaced(text, index, index + match.length, other(match));
}

const STRING = /"(?:[^"\\]|\\.)*"/g;
const NAME = /"(?:[^"\\]|\\.)*"(?=\s*:)/g;
const SCALAR = /(?<=[[:,]\s*)(?:"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null)/g;
const FLAT = /\{[^{}[\]]*\}|\[[^{}[\]]*\]/g; // objects and arrays without others inside
const MEMBER = /"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[0-9.]+|true|false|null|\[[^[\]{}]*\]|\{[^{}]*\})/g;

/** Structure-aware ones first: most of their results are still JSON, and reach the layers behind the reader. */
const MUTATIONS: readonly Mutation[] = [
  (text, dice) => atMatch(text, SCALAR, dice, () => dice.pick(VALUES)),
  (text, dice) => atMatch(text, SCALAR, dice, () => dice.pick([...NUMBERS, ...MORE_NUMBERS])),
  (text, dice, corpus) => atMatch(text, SCALAR, dice, (match) => dice.pick(dice.pick(corpus).match(FLAT) ?? [match])),
  (text, dice, corpus) => atMatch(text, FLAT, dice, (match) => dice.pick(dice.pick(corpus).match(FLAT) ?? [match])),
  (text, dice) => atMatch(text, FLAT, dice, () => dice.pick(VALUES)),
  (text, dice) => atMatch(text, NAME, dice, () => `"${dice.pick([...NAMES, ...MORE_NAMES])}"`),
  (text, dice, corpus) => atMatch(text, NAME, dice, (match) => dice.pick(dice.pick(corpus).match(NAME) ?? [match])),
  (text, dice, corpus) => atMatch(text, STRING, dice, (match) => dice.pick(dice.pick(corpus).match(STRING) ?? [match])),
  (text, dice) => atMatch(text, MEMBER, dice, (match) => `${match},${match}`),
  (text, dice, corpus) =>
    atMatch(text, MEMBER, dice, (match) => `${match},${dice.pick(dice.pick(corpus).match(MEMBER) ?? [match])}`),
  (text, dice) => atMatch(text, MEMBER, dice, () => ""),
  (text, dice) => atMatch(text, MEMBER, dice, () => `"${dice.pick(NAMES)}":${dice.pick(VALUES)}`),
  (text, dice) => atMatch(text, STRING, dice, (match) => `"${dice.pick(PIECES)}${match.slice(1)}`),
  (text, dice) => {
    const at = dice.roll(text.length + 1);
    return replaced(text, at, at + dice.roll(3), dice.pick(PIECES));
  },
  (text, dice) => text.slice(0, dice.roll(text.length + 1)),
  (text, dice, corpus) => text.slice(0, dice.roll(text.length + 1)) + dice.pick(corpus).slice(dice.roll(2000)),
];

/** Those that make documents large; one in a hundred inputs gets one. */
const HEAVY: readonly Mutation[] = [
  (text, dice) => atMatch(text, SCALAR, dice, () => `${"[".repeat(1 + dice.roll(300))}${"]".repeat(dice.roll(300))}`),
  (text, dice) => atMatch(text, SCALAR, dice, () => `${'{"a":'.repeat(dice.roll(80))}1${"}".repeat(dice.roll(80))}`),
  (text, dice) =>
    atMatch(text, STRING, dice, () => `"${dice.pick(["x", "\\u0041", "é", "/a", "\\n"]).repeat(dice.roll(150_000))}"`),
  (text, dice) =>
    atMatch(
      text,
      SCALAR,
      dice,
      (match) => `[${`${match},`.repeat(Math.min(dice.roll(40_000), 400_000 / match.length))}0]`,
    ),
  (text, dice) => {
    const count = dice.roll(9000);
    const member = dice.pick(["a/".repeat(1 + dice.roll(30)), "c", "_sigs/", "x.json/"]);
    return text.replace(
      "{",
      () => `{${Array.from({ length: count }, (_, at) => `"${member}${at}":"${"0".repeat(64)}",`).join("")}`,
    );
  },
  (text, dice) =>
    atMatch(text, FLAT, dice, () => `{${Array.from({ length: dice.roll(40_000) }, (_, at) => `"${at}":0`).join(",")}}`),
];

/** One to four mutations of a document of the corpus; sometimes as bytes with some of them turned. */
export function mutant(dice: Dice, corpus: readonly string[]): string | Uint8Array {
  let text = dice.pick(corpus);
  for (let count = 1 + dice.roll(4); count > 0; count -= 1) text = dice.pick(MUTATIONS)(text, dice, corpus);
  if (dice.roll(100) === 0) text = dice.pick(HEAVY)(text, dice, corpus);
  if (dice.roll(4) > 0) return text;
  const bytes = Buffer.from(text);
  for (let count = dice.roll(4); count > 0 && bytes.length > 0; count -= 1)
    bytes[dice.roll(bytes.length)] = dice.roll(256);
  return bytes;
}
