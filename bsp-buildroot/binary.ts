/**
 * Builds `dist/cairn-<arch>`: the one Bun-compiled program, for either architecture from either.
 *
 *     bun bsp-buildroot/binary.ts [x86_64] [aarch64]
 *
 * The same sources give the same bytes, on any machine and in any folder: the program is compiled under a fixed name
 * (Bun embeds the outfile's name) and carries a digest of its sources instead of a date or a commit.
 * Never strip the result: it would silently become plain `bun` (reference on Buildroot, finding 2).
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import * as v from "valibot";

const top = resolve(import.meta.dir, "..");

const targets = {
  x86_64: { bunTarget: "bun-linux-x64", npmName: "@oven/bun-linux-x64" },
  aarch64: { bunTarget: "bun-linux-arm64", npmName: "@oven/bun-linux-aarch64" },
} as const;
type Arch = keyof typeof targets;

const PackageJson = v.object({ version: v.string() });
const PackageLock = v.object({
  packages: v.record(v.string(), v.object({ version: v.optional(v.string()), integrity: v.optional(v.string()) })),
});

const readJson = <S extends v.GenericSchema>(schema: S, file: string): v.InferOutput<S> =>
  v.parse(schema, JSON.parse(readFileSync(join(top, file), "utf8")));

function run(command: readonly string[], cwd: string): void {
  const child = Bun.spawnSync([...command], { cwd, stdout: "pipe", stderr: "pipe" });
  if (child.exitCode !== 0) {
    throw new Error(`${command.join(" ")}: exit ${child.exitCode}\n${child.stdout}${child.stderr}`);
  }
}

/** SHA-256 over names and contents of everything that ends up in the program, as 12 hexadecimal digits. */
function sourceDigest(): string {
  const hash = createHash("sha256");
  const files = readdirSync(join(top, "runtime"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `runtime/${name}`);
  for (const file of [...files.sort(), "package-lock.json"]) {
    const content = readFileSync(join(top, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, 12);
}

/** Bun's own executable for the architecture, as the lock file pins it: installed, or fetched by npm and checked. */
function bunFor(arch: Arch): string {
  const { npmName } = targets[arch];
  const installed = join(top, "node_modules", npmName, "bin/bun");
  if (existsSync(installed)) return installed;

  const locked = readJson(PackageLock, "package-lock.json").packages[`node_modules/${npmName}`];
  if (locked?.version === undefined || locked.integrity === undefined) {
    throw new Error(`package-lock.json does not pin ${npmName}: run "npm install" once`);
  }
  const folder = join(top, "build/bun", `${arch}-${locked.version}`);
  const unpacked = join(folder, "package/bin/bun");
  if (existsSync(unpacked)) return unpacked;

  const partial = `${folder}.partial-${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  run(["npm", "pack", "--silent", `${npmName}@${locked.version}`], partial);
  const tarball = readdirSync(partial).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error(`npm pack ${npmName} left no archive`);
  const found = `sha512-${createHash("sha512")
    .update(readFileSync(join(partial, tarball)))
    .digest("base64")}`;
  if (found !== locked.integrity) throw new Error(`${npmName}: wants ${locked.integrity}, npm delivered ${found}`);
  run(["tar", "-xzf", tarball], partial);
  rmSync(join(partial, tarball));
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return unpacked;
}

function build(arch: Arch): void {
  const work = join(top, "build/binary", arch);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  mkdirSync(join(top, "dist"), { recursive: true });
  const { version } = readJson(PackageJson, "package.json");
  run(
    [
      process.execPath,
      "build",
      "--compile",
      "--bytecode",
      "--splitting",
      // Identifiers keep their names: with short ones a change of one module renames what many others have, and its patch is several times as large.
      "--minify-whitespace",
      "--minify-syntax",
      "--format=esm",
      "--sourcemap=none",
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      "--no-compile-autoload-tsconfig",
      "--no-compile-autoload-package-json",
      `--target=${targets[arch].bunTarget}`,
      `--compile-executable-path=${bunFor(arch)}`,
      `--define=CAIRN_VERSION=${JSON.stringify(version)}`,
      `--define=CAIRN_SOURCES=${JSON.stringify(sourceDigest())}`,
      "runtime/main.ts",
      `--outfile=${join(work, "cairn")}`,
    ],
    top,
  );
  const result = join(top, "dist", `cairn-${arch}`);
  chmodSync(join(work, "cairn"), 0o755);
  renameSync(join(work, "cairn"), result);
  rmSync(work, { recursive: true });
  const sha = new Bun.CryptoHasher("sha256").update(readFileSync(result)).digest("hex");
  console.log(`${sha}  dist/cairn-${arch}`);
}

const isArch = (name: string): name is Arch => name in targets;
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !isArch(name));
if (unknown.length > 0) {
  console.error(`binary: unknown architecture ${unknown.join(", ")}: wants x86_64 or aarch64`);
  process.exit(2);
}
for (const arch of asked.length > 0 ? asked.filter(isArch) : (["x86_64", "aarch64"] as const)) build(arch);
