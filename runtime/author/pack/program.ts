import { spawn } from "node:child_process";
import { PackError } from "./fault.ts";

export interface Run {
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** Beside those that every program gets. */
  readonly variables: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | null;
}

const SAID_BYTES_MAX = 4096;

const searchPath = (): string => `${process.env["PATH"] ?? "/usr/bin:/bin"}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Throws {@link PackError} unless all of them are here: program, and the Debian package that has it. */
export function need(programs: Readonly<Record<string, string>>): void {
  const missing = Object.keys(programs).filter((program) => Bun.which(program, { PATH: searchPath() }) === null);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => programs[program] ?? program))];
  throw new PackError({ kind: "noProgram", programs: missing, packages });
}

/** Neither language, time zone nor anybody's settings change what a program makes; where it looks for programs, the user says. */
const environment = (): NodeJS.ProcessEnv => ({
  PATH: searchPath(),
  LC_ALL: "C",
  TZ: "UTC",
  ...(process.env["TMPDIR"] === undefined ? {} : { TMPDIR: process.env["TMPDIR"] }),
});

/**
 * Runs a program to its end. It has a process group of its own: when the signal comes, it and what it started get SIGINT, and this ends
 * when they have. Throws {@link PackError} and the reason of the signal.
 */
export async function runProgram({ program, args, folder, variables, signal }: Run): Promise<void> {
  signal?.throwIfAborted();
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...environment(), ...variables },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => {
    said = (said + bytes.toString("utf8")).slice(-SAID_BYTES_MAX);
  });
  const end = new Promise<string | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, killedBy) =>
      resolve(code === 0 ? null : killedBy === null ? `exit code ${code}` : killedBy),
    );
  });
  const stop = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGINT"); // of SIGTERM fakeroot 1.31 dies without ending its daemon
    } catch {} // it has ended already
  };
  signal?.addEventListener("abort", stop, { once: true });
  const failed = await end.finally(() => signal?.removeEventListener("abort", stop));
  signal?.throwIfAborted();
  if (failed === null) return;
  const detail = said.trim().split("\n").slice(-3).join("; ");
  throw new PackError({ kind: "program", program, detail: detail === "" ? failed : `${failed}: ${detail}` });
}
