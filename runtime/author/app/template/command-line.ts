/**
 * How an image's command and environment become text of an LXC configuration.
 *
 * liblxc ends a line at CR and LF and has no escapes (`parse_line`, lxc src/lxc/confile.c). It cuts `lxc.init.cmd` into words at
 * blanks; since 6.0 (lxc pull request 4336) a word in single or double quotes may hold blanks and the other quote, before that
 * quotes meant nothing. The runtime cuts it by the same rule itself and hands over finished words, so what is quoted here starts
 * exactly the image's words with every liblxc. What no quotes can carry goes through the image's shell, see {@link startLines}.
 */
import { shown } from "../../../state/index.ts";
import type { Findings } from "./findings.ts";

/** What could end a line, or is taken for the end of one by somebody who reads it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const BREAKS = /[\u0000-\u0008\u000a-\u001f\u007f\u0085\u2028\u2029]/;

/** One word, or null when no quotes can carry it. */
function quotedWord(word: string): string | null {
  if (BREAKS.test(word)) return null;
  if (!word.includes('"')) return `"${word}"`;
  return word.includes("'") ? null : `'${word}'`;
}

/**
 * The value of `lxc.init.cmd` for these words, or null when no quotes can carry them. The first word stays bare where it can, the
 * others stand in double quotes, as `pvr` writes them.
 */
export function commandValue(words: readonly string[]): string | null {
  const [program = "", ...rest] = words;
  const bare = program !== "" && !BREAKS.test(program) && !/\s/.test(program) && !/^["']/.test(program);
  const parts = [bare ? program : quotedWord(program), ...rest.map(quotedWord)];
  if (parts.includes(null)) return null;
  const value = parts.join(" ");
  if (bare) return value;
  // liblxc takes one pair of quotes around a whole value away, so the first and the last may not be such a pair.
  const wrap = ['"', "'"].find((quote) => !value.includes(quote));
  return wrap === undefined ? null : `${wrap}${value}${wrap}`;
}

/** A value as liblxc reads it back: white space around it is cut off, and so is one pair of quotes. Null: it cannot hold this text. */
export function plainValue(text: string): string | null {
  if (/[\0\n\r]/.test(text)) return null;
  return /^[\s"']|\s$/.test(text) ? `"${text}"` : text;
}

const shellWord = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const octal = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `\\0${byte.toString(8).padStart(3, "0")}`).join("");

/** A command line of three words that runs `script`, whatever characters it holds: `printf %b` (POSIX) gets it in octal digits. */
const throughShell = (script: string): string => `/bin/sh "-c" "IFS=;set -f;eval $(printf %b '${octal(script)}')"`;

/** Below MAX_ARG_STRLEN (execve(2)): the longest single word that a program can be given. */
const ARGUMENT_BYTES_MAX = 120_000;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `lxc.init.cmd`, and the environment that has to be set by it because no line can hold it. */
export interface Start {
  readonly command: string;
  /** `NAME=value` of those that fit into a line, as values of `lxc.environment`. */
  readonly environment: readonly string[];
}

/**
 * Lays out a start. Words or values with ends of lines, which no configuration can hold, are handed over by the image's own
 * `/bin/sh`: nothing has to be added to the root, it works with read-only roots and overlays alike, and images with such words
 * come from shell scripts anyway. `place` names the member that the words came from.
 */
export function startLines(words: readonly string[], env: readonly string[], place: string, findings: Findings): Start {
  const environment: string[] = [];
  const exported: string[] = [];
  for (const [at, setting] of env.entries()) {
    const [name = ""] = setting.split("=", 1);
    const where = `docker_config.Env[${at}]`;
    if (name === "" || name === setting) {
      // liblxc would take the value from the device's own environment.
      findings.remark(`${where}: ${shown(setting)} is left out, it is no NAME=value`);
      continue;
    }
    const value = plainValue(setting);
    if (value !== null) environment.push(value);
    else if (NAME.test(name)) exported.push(`export ${name}=${shellWord(setting.slice(name.length + 1))}`);
    else findings.refuse("image", where, setting, "no ends of lines in a variable whose name a shell could not set");
  }
  const plain = exported.length === 0 ? commandValue(words) : null;
  if (plain !== null) return { command: plain, environment };
  findings.remark(
    `${place}: has characters that an LXC configuration cannot hold, so the container is started by its own /bin/sh`,
  );
  const command = throughShell([...exported, `exec ${words.map(shellWord).join(" ")}`].join("\n"));
  if (command.length > ARGUMENT_BYTES_MAX)
    findings.refuse(
      "image",
      place,
      words.join(" "),
      `at most ${ARGUMENT_BYTES_MAX / 5} bytes where there are ends of lines`,
    );
  return { command, environment };
}
