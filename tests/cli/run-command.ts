import type { Out } from "../../runtime/cli/command.ts";
import { runCommandLine } from "../../runtime/cli/index.ts";

export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process and keeps what it says. */
export async function cairn(...words: string[]): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []];
  const into: Out = {
    print: (text) => void out.push(`${text}\n`),
    complain: (text) => void err.push(`${text}\n`),
    write: (bytes) => void out.push(Buffer.from(bytes).toString("latin1")),
    progress: null,
  };
  const exit = await runCommandLine(words, into);
  return { exit, out: out.join(""), err: err.join("") };
}
