import { basename, dirname, resolve } from "node:path";

/** One component of 1 to 64 characters (reference 4.8), of those that also stand on a kernel's command line. */
const LOCAL_NAME = /^locals\/[A-Za-z0-9_][A-Za-z0-9._+:@-]{0,63}$/;

export const isLocalName = (name: string): boolean => LOCAL_NAME.test(name);

const WORD_CHARACTERS_MAX = 40;
const DIGEST_CHARACTERS = 8;

/** `locals/<word>-<digest>`: the word says to people where it came from, the digest of the state that it is another one. */
export function nameFor(path: string, state: string): string {
  const full = resolve(path);
  const base = basename(full) === ".pvr" ? basename(dirname(full)) : basename(full);
  const word = base
    .replace(/\.(?:tar|tgz|tar\.gz|pvrexport(?:\.tgz)?)$/i, "")
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, WORD_CHARACTERS_MAX);
  const digest = new Bun.CryptoHasher("sha256").update(state).digest("hex").slice(0, DIGEST_CHARACTERS);
  return `locals/${word === "" ? "local" : word}-${digest}`;
}
