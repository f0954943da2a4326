import { err, ok, type Result } from "../../result.ts";
import type { Claim } from "../../signatures/index.ts";

/** One signature to be made: which file it becomes and what it covers. */
export interface SignatureTarget {
  /** Key in the state, and path in the working copy. */
  readonly key: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export interface Patterns {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** A name that no part has. */
export interface BadName {
  readonly kind: "badName";
  readonly name: string;
}

const own = (name: string): string => `_sigs/${name}.json`;

/**
 * A signature for one part, with the patterns that `pvr sig add --part` makes (reference authoring 3.5): all below it except the notes
 * `src.json`, and its configuration files. Given patterns replace the defaults and count from the part.
 */
export function partTarget(
  part: string,
  { include, exclude, config }: Patterns & { readonly config: boolean },
): Result<SignatureTarget, BadName> {
  if (!isName(part)) return err({ kind: "badName", name: part });
  const below = (globs: readonly string[], otherwise: string): readonly string[] =>
    (globs.length > 0 ? globs : [otherwise]).map((glob) => `${part}/${glob}`);
  return ok({
    key: own(part),
    include: [...below(include, "**"), ...(config ? [`_config/${part}/**`] : [])],
    exclude: [...below(exclude, "src.json"), own(part)],
  });
}

/**
 * A signature with patterns as they are given (`pvr sig add --raw`), everything when none is. Its own file is always left out: with the
 * original's default a signature covers itself, and can never verify.
 */
export function rawTarget(name: string, { include, exclude }: Patterns): Result<SignatureTarget, BadName> {
  if (!isName(name)) return err({ kind: "badName", name });
  return ok({
    key: own(name),
    include: include.length > 0 ? include : ["**"],
    exclude: [...(exclude.length > 0 ? exclude : ["src.json"]), own(name)],
  });
}

/** The same signature again, over what is there now. */
export function sameTarget({ key, include, exclude }: Pick<Claim, "key" | "include" | "exclude">): SignatureTarget {
  return { key, include, exclude: exclude.includes(key) ? exclude : [...exclude, key] };
}

/** Such names mean nothing to a glob, and are one component of a path. */
const isName = (name: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name);

export const explainName = ({ name }: BadName): string =>
  `"${name}" is no name of a part: wanted 1 to 64 of A-Z a-z 0-9 . _ -, not starting with "." or "-"`;
