/**
 * As much of Kconfig (Linux: Documentation/kbuild/kconfig-language.rst) as the external tree uses: which symbols it declares, which it
 * names, and whether whoever meets an option in a menu is told what it does. What it does not know is an error, not skipped.
 */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const externalTree = resolve(import.meta.dir, "../../bsp-buildroot");

export interface Option {
  readonly symbol: string;
  readonly file: string;
  /** What the menu shows; null: the option is not shown. */
  readonly prompt: string | null;
  readonly help: boolean;
}

export interface Kconfig {
  readonly options: readonly Option[];
  /** Every symbol in an expression, with the file that names it. */
  readonly uses: readonly { readonly symbol: string; readonly file: string }[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const SYMBOL = /\bBR2_\w+/g;
const OPENING = /^(?:config|menuconfig|choice|comment|if|menu)\b/;
const EXPRESSION = /^(?:depends on|select|default|range|if|visible if)\b/;
const EMPTY = /^(?:endif|endchoice|endmenu)\b/;

/** Reads `file` and what it sources. */
export function readKconfig(file: string): Kconfig {
  const options: Writable<Option>[] = [];
  const uses: Kconfig["uses"][number][] = [];
  let open: Writable<Option> | null = null;
  const read = (path: string): void => {
    for (const { text, helped } of statements(readFileSync(path, "utf8"), path)) {
      const sourced = /^source "\$BR2_EXTERNAL_CAIRN_PATH\/(.+)"$/.exec(text)?.[1];
      if (sourced !== undefined) {
        read(join(externalTree, sourced));
        continue;
      }
      const declared = /^(?:menu)?config (BR2_\w+)$/.exec(text)?.[1];
      if (OPENING.test(text)) open = null;
      if (declared !== undefined) {
        open = { symbol: declared, file: path, prompt: null, help: false };
        options.push(open);
      } else if (/^(?:bool|string|int)\b/.test(text)) {
        if (open !== null) open.prompt = /"(.+)"/.exec(text)?.[1] ?? null;
      } else if (text === "help") {
        if (open !== null) open.help = helped;
      } else if (EXPRESSION.test(text)) {
        const bare = text.replaceAll(/"[^"]*"/g, '""');
        uses.push(...(bare.match(SYMBOL) ?? []).map((symbol) => ({ symbol, file: path })));
      } else if (!EMPTY.test(text) && !/^(?:choice|comment|prompt|menu)\b/.test(text)) {
        throw new Error(`${path}: "${text}" is no Kconfig that this reader knows`);
      }
    }
  };
  read(file);
  return { options, uses };
}

/** Logical lines, without comments and without the text of helps; `helped`: the help that begins here has one. */
function statements(text: string, path: string): readonly { readonly text: string; readonly helped: boolean }[] {
  const found: { text: string; helped: boolean }[] = [];
  let inHelp = false;
  for (const line of text.replaceAll("\\\n", " ").split("\n")) {
    if (inHelp && (line === "" || line.startsWith("\t  "))) {
      const last = found.at(-1);
      if (last !== undefined && line !== "") last.helped = true;
      continue;
    }
    inHelp = false;
    const bare = line.replace(/(?:^|\s)#.*$/, "").trim();
    if (bare === "") continue;
    if (/^ /.test(line)) throw new Error(`${path}: "${line}" begins with a blank, Kconfig is indented with tabs`);
    found.push({ text: bare, helped: false });
    inHelp = bare === "help";
  }
  return found;
}

/** The external tree's own options: its menu, and what it adds to the choice of init systems. */
export function ownOptions(): Kconfig {
  const parts = ["Config.in", "provides/init.in"].map((file) => readKconfig(join(externalTree, file)));
  return { options: parts.flatMap(({ options }) => options), uses: parts.flatMap(({ uses }) => uses) };
}

/** A line of a defconfig: the symbol, and its value as it is written; "n" for "is not set". */
export interface Setting {
  readonly symbol: string;
  readonly value: string;
}

/** Lines of a configuration; what is neither a setting nor empty is an error. */
export function readSettings(text: string, name: string): readonly Setting[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const off = /^# (BR2_\w+) is not set$/.exec(line)?.[1];
      if (off !== undefined) return { symbol: off, value: "n" };
      const [, symbol, value] = /^(BR2_\w+)=(y|\d+|"[^"]*")$/.exec(line) ?? [];
      if (symbol === undefined || value === undefined) throw new Error(`${name}: "${line}" is no setting`);
      return { symbol, value };
    });
}

/** Names of Buildroot's symbols that the tree uses, and the releases that have all of them. */
export function recordedSymbols(): { readonly releases: readonly string[]; readonly symbols: ReadonlySet<string> } {
  const lines = readFileSync(join(dirname(import.meta.path), "buildroot-symbols.txt"), "utf8")
    .trimEnd()
    .split("\n");
  const [head = "", ...symbols] = lines;
  return { releases: head.replace(/^# /, "").split(" "), symbols: new Set(symbols) };
}
