/** An author's desk: a folder, and `cairn` as it is built for this machine. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { hostArch, repository, run } from "./host.ts";

export interface CairnOptions {
  /** Folder that it runs in, below the desk's; the desk's own unless told. */
  readonly at?: string;
  /** It is to fail, with exit code 1. */
  readonly fails?: boolean;
}

/** Runs one command and gives what it prints, errors last; throws when it ends otherwise than it is to. */
export type Cairn = (words: readonly string[], options?: CairnOptions) => Promise<string>;

/** What the program keeps of its own goes below `folder`, too. `told` hears each command as a user would type it. */
export async function desk(folder: string, told?: (command: string) => void): Promise<Cairn> {
  const program = join(repository, "dist", `cairn-${hostArch()}`);
  await mkdir(folder, { recursive: true });
  const env = { PVR_CONFIG_DIR: join(folder, ".pvr"), XDG_CACHE_HOME: join(folder, ".cache") };
  return async (words, { at = "", fails = false } = {}) => {
    told?.(typed(words, at));
    const said = await run([program, ...words], {
      cwd: join(folder, at),
      env,
      both: true,
      accept: [fails ? 1 : 0],
    });
    return said.trimEnd();
  };
}

/** A command as a user types it, behind the prompt of a folder. */
export const typed = (words: readonly string[], at = ""): string => `${at}$ cairn ${words.map(quoted).join(" ")}`;

const quoted = (word: string): string => (/^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
