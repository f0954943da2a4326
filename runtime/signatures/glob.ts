import { err, ok, type Result } from "../result.ts";
import { limits } from "./limits.ts";

/** A glob that was read. Opaque: {@link globMatches} knows it. */
export interface Glob {
  readonly source: string;
  /** One list of components for each way to choose among its alternatives. */
  readonly alternatives: readonly (readonly Component[])[];
}

/** `**`, or what one component of a key is compared with. */
type Component = "anyDepth" | readonly Token[];
type Token =
  | { readonly kind: "char"; readonly char: string }
  | { readonly kind: "one" }
  | { readonly kind: "run" }
  | { readonly kind: "class"; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] };

export type GlobFault = "unclosed" | "emptyClass" | "badRange" | "trailingEscape" | "tooLong" | "tooManyAlternatives";

/** What is left of the work that matching may cost; one for a whole document. `left` below zero: give up, results mean nothing. */
export interface GlobBudget {
  left: number;
}

/**
 * Reads a glob as the original's library does (doublestar 1.3; reference authoring 3.4). Between slashes: `**` is any number of
 * components, as the last one at least one; `*` any run of characters, `?` one, `[a-z]` and `[^a]` one of those, `{p,q}` either, `\`
 * takes the next one as it is. Nothing is special about a leading dot.
 */
export function readGlob(source: string): Result<Glob, GlobFault> {
  if (source.length > limits.globCharsMax) return err("tooLong");
  const patterns = withoutBraces([...source]);
  if (!patterns.ok) return patterns;
  const alternatives: Component[][] = [];
  for (const pattern of patterns.value) {
    const components = readComponents(pattern);
    if (!components.ok) return components;
    alternatives.push(components.value);
  }
  return ok({ source, alternatives });
}

/** The patterns that come from choosing in every `{p,q}`, inner ones included. */
function withoutBraces(source: readonly string[]): Result<readonly (readonly string[])[], GlobFault> {
  const done: (readonly string[])[] = [];
  const waiting: (readonly string[])[] = [source];
  for (let pattern = waiting.pop(); pattern !== undefined; pattern = waiting.pop()) {
    const braces = firstBraces(pattern);
    if (braces === "unclosed") return err("unclosed");
    if (braces === null) done.push(pattern);
    else {
      const { start, end, choices } = braces;
      const [before, behind] = [pattern.slice(0, start), pattern.slice(end + 1)];
      for (const choice of choices) waiting.push([...before, ...choice, ...behind]);
    }
    if (done.length + waiting.length > limits.alternativesMax) return err("tooManyAlternatives");
  }
  return ok(done);
}

interface Braces {
  readonly start: number;
  readonly end: number;
  readonly choices: readonly (readonly string[])[];
}

function firstBraces(pattern: readonly string[]): Braces | "unclosed" | null {
  const start = plainIndex(pattern, "{", 0);
  if (start < 0) return null;
  const choices: (readonly string[])[] = [];
  let [depth, from] = [0, start + 1];
  for (let at = start + 1; at < pattern.length; at += 1) {
    const char = pattern[at];
    if (char === "\\") at += 1;
    else if (char === "{") depth += 1;
    else if (char === "}" && depth > 0) depth -= 1;
    else if ((char === "," || char === "}") && depth === 0) {
      choices.push(pattern.slice(from, at));
      from = at + 1;
      if (char === "}") return { start, end: at, choices };
    }
  }
  return "unclosed";
}

/** Where `wanted` stands first, neither escaped nor inside a class; -1: nowhere. */
function plainIndex(pattern: readonly string[], wanted: string, from: number): number {
  for (let at = from; at < pattern.length; at += 1) {
    const char = pattern[at];
    if (char === wanted) return at;
    if (char === "\\") at += 1;
    else if (char === "[") {
      const end = classEnd(pattern, at);
      if (end > 0) at = end;
    }
  }
  return -1;
}

function classEnd(pattern: readonly string[], start: number): number {
  for (let at = start + 1; at < pattern.length; at += 1) {
    if (pattern[at] === "\\") at += 1;
    else if (pattern[at] === "]") return at;
  }
  return -1;
}

function readComponents(pattern: readonly string[]): Result<Component[], GlobFault> {
  const components: Component[] = [];
  for (let from = 0; from <= pattern.length; ) {
    const slash = plainIndex(pattern, "/", from);
    const end = slash < 0 ? pattern.length : slash;
    const part = pattern.slice(from, end);
    const tokens = part.join("") === "**" ? ok("anyDepth" as const) : readTokens(part);
    if (!tokens.ok) return tokens;
    components.push(tokens.value);
    from = end + 1;
  }
  // As the last component, `**` is at least one.
  if (components.at(-1) === "anyDepth") components.splice(-1, 0, [{ kind: "run" }]);
  return ok(components);
}

function readTokens(part: readonly string[]): Result<readonly Token[], GlobFault> {
  const tokens: Token[] = [];
  for (let at = 0; at < part.length; at += 1) {
    const char = part[at] ?? "";
    if (char === "*") {
      if (tokens.at(-1)?.kind !== "run") tokens.push({ kind: "run" });
    } else if (char === "?") tokens.push({ kind: "one" });
    else if (char === "[") {
      const end = classEnd(part, at);
      if (end < 0) return err("unclosed");
      const read = readClass(part.slice(at + 1, end));
      if (!read.ok) return read;
      tokens.push(read.value);
      at = end;
    } else {
      if (char === "\\") at += 1;
      const literal = part[at];
      if (literal === undefined) return err("trailingEscape");
      tokens.push({ kind: "char", char: literal });
    }
  }
  return ok(tokens);
}

function readClass(inside: readonly string[]): Result<Token, GlobFault> {
  const negated = inside[0] === "^";
  const chars: { char: string; escaped: boolean }[] = [];
  for (let at = negated ? 1 : 0; at < inside.length; at += 1) {
    const escaped = inside[at] === "\\";
    if (escaped) at += 1;
    chars.push({ char: inside[at] ?? "", escaped });
  }
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < chars.length; at += 1) {
    const [first, dash, last] = chars.slice(at, at + 3);
    const isRange = dash?.char === "-" && !dash.escaped && last !== undefined;
    const [low, high] = [first?.char ?? "", (isRange ? last.char : first?.char) ?? ""];
    if (codeOf(low) > codeOf(high)) return err("badRange");
    ranges.push([low, high]);
    if (isRange) at += 2;
  }
  return ranges.length === 0 ? err("emptyClass") : ok({ kind: "class", negated, ranges });
}

const codeOf = (char: string): number => char.codePointAt(0) ?? 0;

/** A key cut into its components and these into characters, once for all globs. */
export type SplitKey = readonly (readonly string[])[];

export const splitKey = (key: string): SplitKey => key.split("/").map((component) => [...component]);

/** Does a glob match a key? Costs at most the product of their lengths, which `budget` pays. */
export const globMatches = ({ alternatives }: Glob, key: SplitKey, budget: GlobBudget): boolean =>
  alternatives.some((components) => greedy(components, key, isAnyDepth, componentMatches, budget));

const isAnyDepth = (part: Component): boolean => part === "anyDepth";

const componentMatches = (part: Component, chars: readonly string[], budget: GlobBudget): boolean =>
  part !== "anyDepth" && greedy(part, chars, isRun, tokenMatches, budget);

const isRun = ({ kind }: Token): boolean => kind === "run";

/**
 * Items against a pattern in which `isAny` parts take any number of them. When the rest does not fit, only the last run needs to take
 * one more: what an earlier one could gain, the last one can too.
 */
function greedy<P, I>(
  pattern: readonly P[],
  items: readonly I[],
  isAny: (part: P) => boolean,
  fits: (part: P, item: I, budget: GlobBudget) => boolean,
  budget: GlobBudget,
): boolean {
  let [p, i] = [0, 0];
  let [run, runFrom] = [-1, 0];
  while (i < items.length) {
    budget.left -= 1;
    if (budget.left < 0) return false;
    const [part, item] = [pattern[p], items[i]];
    if (part !== undefined && isAny(part)) {
      [run, runFrom] = [p, i];
      p += 1;
    } else if (part !== undefined && item !== undefined && fits(part, item, budget)) {
      p += 1;
      i += 1;
    } else if (run >= 0) {
      p = run + 1;
      runFrom += 1;
      i = runFrom;
    } else return false;
  }
  return pattern.slice(p).every(isAny);
}

function tokenMatches(token: Token, char: string, budget: GlobBudget): boolean {
  switch (token.kind) {
    case "char":
      return token.char === char;
    case "one":
      return true;
    case "run":
      return false;
    case "class": {
      const code = codeOf(char);
      budget.left -= token.ranges.length;
      return token.negated !== token.ranges.some(([low, high]) => codeOf(low) <= code && code <= codeOf(high));
    }
  }
}

/** To be put behind the glob. */
export function explainGlob(fault: GlobFault): string {
  switch (fault) {
    case "unclosed":
      return "has a [ or { without its end";
    case "emptyClass":
      return "has [] with nothing in it";
    case "badRange":
      return "has a range that ends before it begins";
    case "trailingEscape":
      return "ends with \\";
    case "tooLong":
      return `has more than ${limits.globCharsMax} characters`;
    case "tooManyAlternatives":
      return `stands for more than ${limits.alternativesMax} patterns`;
  }
}
