/** The rules of the house as functions: sources in, what breaks the rule out, one line each. Empty: the rule holds. */
import { posix } from "node:path";

/** Path from the top of the repository, and text. */
export type Sources = ReadonlyMap<string, string>;

interface Import {
  readonly file: string;
  /** Path from the top of the repository, or a module such as `node:fs`. */
  readonly target: string;
  readonly dynamic: boolean;
  readonly ofTypes: boolean;
}

const COMMENTS = /\/\*.*?\*\/|(?<=^|\s)\/\/[^\n]*/gs;
/** At the beginning of a line, where the formatter puts them: words such as import stand in texts, too. */
const IMPORTS = /^(?:import|export)\s[^;"'`]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

const code = (text: string): string => text.replace(COMMENTS, "");

/** Every import of a file, those of types included: who knows a type knows its owner. */
function importsOf(file: string, text: string): readonly Import[] {
  return [...code(text).matchAll(IMPORTS)].map(([whole, from, bare, dynamic]) => {
    const target = from ?? bare ?? dynamic ?? "";
    const resolved = target.startsWith(".") ? posix.join(posix.dirname(file), target) : target;
    return {
      file,
      target: resolved,
      dynamic: dynamic !== undefined,
      ofTypes: /^(?:import|export)\s+type\s/.test(whole),
    };
  });
}

const allImports = (sources: Sources): readonly Import[] =>
  [...sources].flatMap(([file, text]) => importsOf(file, text));

const within = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);
const line = ({ file, target }: Import): string => `${file} imports ${target}`;

/** Files of `folder` import nothing but each other and what matches `allowed`, exactly or as the beginning of a module. */
export function foreignImports(sources: Sources, folder: string, allowed: readonly string[]): readonly string[] {
  const permitted = ({ target }: Import) =>
    within(target, folder) || allowed.some((one) => (one.endsWith(":") ? target.startsWith(one) : target === one));
  return allImports(sources)
    .filter((one) => within(one.file, folder) && !permitted(one))
    .map(line);
}

const WORLD =
  /\b(?<!lxc\.)(?:Bun|process|console|performance|crypto|navigator|localStorage)\.\w+|\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\b(?:fetch|setTimeout|setInterval|setImmediate|queueMicrotask|require|eval)\(|\bawait\b/g;

/** Globals by which a file reaches clock, chance, network or disk without an import. */
export const reachesTheWorld = (sources: Sources, folder: string): readonly string[] =>
  [...sources]
    .filter(([file]) => within(file, folder))
    .flatMap(([file, text]) => (code(text).match(WORLD) ?? []).map((found) => `${file} uses ${found}`));

/** A folder with an `index.ts` is entered by it alone, unless the importing file is in there itself. */
export function behindDoors(sources: Sources): readonly string[] {
  const doors = [...sources.keys()].filter((file) => posix.basename(file) === "index.ts");
  return allImports(sources)
    .filter(({ file, target }) =>
      doors.some((door) => {
        const folder = posix.dirname(door);
        return within(target, folder) && !within(file, folder) && target !== door;
      }),
    )
    .map(line);
}

/** One line for each import that closes a circle. */
export function cycles(sources: Sources): readonly string[] {
  const targets = new Map([...sources].map(([file, text]) => [file, importsOf(file, text).map((one) => one.target)]));
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file].join(" → "));
    if (at >= 0 || done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return found;
}

/** Files and modules that are loaded with `entry`; what is imported dynamically is loaded when it is needed, and types never are. */
export function loadedWith(sources: Sources, entry: string): readonly string[] {
  const loaded = new Set([entry]);
  for (const file of loaded) {
    for (const { target, dynamic, ofTypes } of importsOf(file, sources.get(file) ?? "")) {
      if (!dynamic && !ofTypes) loaded.add(target);
    }
  }
  return [...loaded];
}

export const tooLong = (sources: Sources, linesMax: number): readonly string[] =>
  [...sources]
    .map(([file, text]) => ({ file, lines: text.trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > linesMax)
    .map(({ file, lines }) => `${file} has ${lines} lines`);

/** Names that say nothing about what is inside. */
export const emptyNames = (files: readonly string[]): readonly string[] =>
  files.filter((file) => /(?:^|[/.-])(?:manager|helper|util|utils|helpers|misc|common)(?=[/.-]|$)/i.test(file));

/** Where somebody keeps a working copy; where somebody's packages come from. Neither means anything anywhere else. */
const LOCAL = [
  /(?<![\w.$])\/(?:home|Users|work|workspace|builds)\/\w[^\s"'`]*/g,
  /\b(?:registry|mirrors?|proxy|snapshot|deb|archive|ports|security)\.[a-z0-9-]+\.(?:[a-z0-9-]+\.)*(?:org|com|net|io|dev|local|internal)\b/g,
  /"resolved": *"[^"]*/g,
];

export const localNames = (sources: Sources): readonly string[] =>
  [...sources].flatMap(([file, text]) =>
    LOCAL.flatMap((pattern) => text.match(pattern) ?? []).map((found) => `${file}: ${found}`),
  );
