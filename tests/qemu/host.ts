/** What the builder and the harness need of the host: run a tool, lock, and cache what was built under its inputs' digest. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

export type Arch = "x86_64" | "aarch64";
export const arches: readonly Arch[] = ["x86_64", "aarch64"];

/** The repository's root. */
export const repository: string = resolve(import.meta.dir, "../..");
/** Everything that is made lives here; ignored by git, may be deleted at any time. */
export const buildFolder: string = join(repository, "build", "qemu");

export const hostArch = (): Arch => {
  if (process.arch === "x64") return "x86_64";
  if (process.arch === "arm64") return "aarch64";
  throw new Error(`this host is ${process.arch}; device images are built on x64 or arm64`);
};

/** The architecture that a run of the machine tests is for: CAIRN_ARCH, this machine's unless told. */
export function testArch(): Arch {
  const wanted = process.env["CAIRN_ARCH"] ?? hostArch();
  const found = arches.find((known) => known === wanted);
  if (found === undefined) throw new Error(`CAIRN_ARCH is ${arches.join(" or ")}, not ${wanted}`);
  return found;
}

export const sha256 = (data: string | Uint8Array): string => new Bun.CryptoHasher("sha256").update(data).digest("hex");

/** SHA-256 of a file, read in pieces. */
export async function sha256OfFile(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(path).stream()) hasher.update(chunk);
  return hasher.digest("hex");
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Exit codes that are no failure; 0 unless told. */
  readonly accept?: readonly number[];
  /** Gives standard error after standard output, too. */
  readonly both?: boolean;
}

/** Runs a tool of the host to its end; throws with the command and the end of its output when it fails or is missing. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const [tool = ""] = command;
  if (Bun.which(tool, { PATH: searchPath }) === null)
    throw new Error(`"${tool}" is missing on this machine: run tests/qemu/requirements.sh`);
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? repository,
    env: { ...process.env, PATH: searchPath, LC_ALL: "C", ...options.env },
    stdin: options.stdin === undefined ? "ignore" : Buffer.from(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (!(options.accept ?? [0]).includes(code)) {
    const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-15).join("\n");
    throw new Error(`${command.join(" ").slice(0, 400)}: exit code ${code}\n${said}`);
  }
  return options.both === true ? stdout + stderr : stdout;
}

// mke2fs, sfdisk and depmod are in sbin, which is not on the path of an ordinary user.
const searchPath = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Holds an exclusive lock on `path` while `body` runs. The kernel drops it with the process, however that ends. */
export async function locked<T>(path: string, body: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const holder = Bun.spawn(["flock", "--exclusive", path, "sh", "-c", "echo held; exec cat"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    const { done } = await holder.stdout.getReader().read();
    if (done) throw new Error(`cannot lock ${path}`);
    return await body();
  } finally {
    await holder.stdin.end();
    await holder.exited;
  }
}

/** The folder that `build` filled for exactly these inputs; built at most once, by one process, and published whole.
 *  @param kind names the folder and the progress line
 *  @param inputs everything that the result depends on; a change of any of it builds anew */
export async function cached(kind: string, inputs: unknown, build: (folder: string) => Promise<void>): Promise<string> {
  const key = sha256(JSON.stringify(inputs)).slice(0, 24);
  const folder = join(buildFolder, "cache", kind, key);
  if (existsSync(folder)) return folder;
  return locked(join(buildFolder, "locks", `${kind.replaceAll("/", "-")}-${key}`), async () => {
    if (existsSync(folder)) return folder;
    const scratch = `${folder}.part`; // left by a process that was killed: nobody else has it, we hold the lock
    await rm(scratch, { recursive: true, force: true });
    await mkdir(scratch, { recursive: true });
    const startedAtMs = performance.now();
    await build(scratch);
    await rename(scratch, folder);
    progress(`built ${kind} in ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`);
    return folder;
  });
}

/** One line for whoever waits; on standard error, so that output stays parseable. */
export const progress = (text: string): void => {
  process.stderr.write(`# ${text}\n`);
};
