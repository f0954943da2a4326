import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const top = resolve(import.meta.dir, "../..");
const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
const folders: string[] = [];
let program = "";

/** Builds the program from a copy of the sources, in a folder of its own. */
function build(change: (folder: string) => void = () => {}): string {
  const folder = mkdtempSync(join(tmpdir(), "cairn-binary-"));
  folders.push(folder);
  for (const part of [
    "runtime",
    "bsp-buildroot",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "bunfig.toml",
  ]) {
    cpSync(join(top, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(top, "node_modules"), join(folder, "node_modules"));
  change(folder);
  const built = Bun.spawnSync([process.execPath, "bsp-buildroot/binary.ts", arch], { cwd: folder });
  expect(built.stderr.toString()).toBe("");
  return join(folder, "dist", `cairn-${arch}`);
}

const bytes = (path: string): string => new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
const run = (cwd: string, ...words: string[]) => {
  const child = Bun.spawnSync([program, ...words], { cwd, env: {} });
  return { code: child.exitCode, out: child.stdout.toString(), error: child.stderr.toString() };
};

const buildMs = 300_000;

beforeAll(() => {
  program = build();
}, buildMs);
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test(
  "the same sources give the same bytes in another folder; other sources give others",
  () => {
    expect(bytes(build())).toBe(bytes(program));
    const other = build((folder) => writeFileSync(join(folder, "runtime/extra.ts"), "export {};\n"));
    expect(bytes(other)).not.toBe(bytes(program));
  },
  buildMs,
);

test("nothing that lies in the working folder is loaded", () => {
  const folder = mkdtempSync(join(tmpdir(), "cairn-hostile-"));
  folders.push(folder);
  writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./hostile.ts"]\n');
  writeFileSync(join(folder, "hostile.ts"), 'console.log("hostile");\nprocess.exit(66);\n');
  writeFileSync(join(folder, ".env"), 'BUN_OPTIONS="--preload ./hostile.ts"\n');
  const { code, out } = run(folder, "--version");
  expect({ code, hostile: out.includes("hostile") }).toEqual({ code: 0, hostile: false });
  expect(out).toMatch(/^cairn: 0\.1\.0\nsources: [0-9a-f]{12}\n/);
});

test("a wrong word ends with a clear error and exit code 2", () => {
  const { code, error } = run("/", "contianers");
  expect(code).toBe(2);
  expect(error).toContain("contianers");
});
