/** package/cairn, built from source: what it downloads is what package-lock.json pins, and what it makes is what `make binary` makes. */
import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import * as v from "valibot";
import { hashLines, makeLines } from "../../bsp-buildroot/npm-packages.ts";
import { PackageLock } from "../../bsp-buildroot/sbom/sources.ts";
import { privileged } from "../linux/on-host.ts";
import { externalTree } from "./kconfig.ts";

const project = resolve(externalTree, "..");
const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
const bun = `bun-linux-${arch === "aarch64" ? arch : "x64"}`;
const top = mkdtempSync(join(tmpdir(), "cairn-source-"));
afterAll(() => rmSync(top, { recursive: true }));

const recorded = (name: string): string => readFileSync(join(externalTree, "package/cairn", name), "utf8");
const lock = v.parse(PackageLock, JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")));

function run(command: readonly string[], cwd = top): string {
  const child = Bun.spawnSync([...command], { cwd, env: { PATH: process.env["PATH"] ?? "" } });
  expect(child.exitCode, `${command.join(" ")}\n${child.stdout}${child.stderr}`).toBe(0);
  return child.stdout.toString();
}

const registry = "https://npm.example";
const settings = (sources: string): readonly string[] => [
  ...[`TREE=${externalTree}`, `SOURCES=${sources}`, `CAIRN_DL_DIR=${join(top, "dl")}`],
  ...["BR2_PACKAGE_CAIRN_BUILD=y", `BR2_PACKAGE_CAIRN_NPM="${registry}"`],
  ...(arch === "aarch64" ? ["BR2_aarch64=y"] : []),
];
const make = (goal: string, sources = join(top, "none")): readonly string[] => [
  ...["make", "-s", "-f", join(import.meta.dir, "buildroot.mk"), goal],
  ...settings(sources),
];

describe("what is downloaded", () => {
  test("is what package-lock.json pins: after a change of it run bsp-buildroot/npm-packages.ts", () => {
    expect(recorded("npm.inc")).toBe(makeLines(lock));
    expect(recorded("cairn.hash")).toBe(hashLines(lock));
  });

  test("has a hash each, and comes from the registry that was chosen", () => {
    const addresses = run(make("downloads")).trim().split("\n");
    expect(addresses.filter((address) => !address.startsWith(`${registry}/`))).toEqual([]);
    const names = new Set(addresses.map((address) => basename(address)));
    expect(names).toContain(`${bun}-${process.versions.bun}.tgz`);
    expect([...names].filter((name) => !recorded("cairn.hash").includes(`  ${name}\n`))).toEqual([]);
  });

  test("is not guessed: who builds names the registry", () => {
    const command = [...make("downloads"), "BR_BUILDING=y", "BR2_PACKAGE_CAIRN_NPM="];
    const child = Bun.spawnSync(command, { cwd: top, env: { PATH: process.env["PATH"] ?? "" } });
    expect(child.exitCode).toBe(2);
    expect(child.stderr.toString()).toContain("name a registry of npm, BR2_PACKAGE_CAIRN_NPM");
  });

  test("two packages whose files have the same name are refused: Buildroot would take one for the other", () => {
    const entry = (integrity: string) => ({ version: "1.0.0", integrity, dependencies: {} });
    const packages = {
      ...lock.packages,
      "": { version: "", dependencies: { "@a/x": "1", "@b/x": "1" } },
      "node_modules/@a/x": entry("sha512-AAAA"),
      "node_modules/@b/x": entry("sha512-BBBB"),
    };
    expect(() => hashLines({ packages })).toThrow("two packages are called x-1.0.0.tgz");
  });
});

/** The archives as npm has them, from what is installed here. Bun is what runs this: its package moves the program when it is installed. */
function pack(): void {
  mkdirSync(join(top, "dl"));
  const archive = (name: string, folder: string): void =>
    void run([
      "tar",
      "-czf",
      join(top, "dl", name),
      "--exclude=./node_modules",
      "-C",
      dirname(folder),
      basename(folder),
    ]);
  for (const [, place = "", path = ""] of recorded("npm.inc").matchAll(/^\t(\S+?)=(\S+)/gm))
    archive(basename(path), join(project, "node_modules", place));
  mkdirSync(join(top, "package/bin"), { recursive: true });
  copyFileSync(process.execPath, join(top, "package/bin/bun"));
  archive(`${bun}-${process.versions.bun}.tgz`, join(top, "package"));
}

const digest = (file: string): string => new Bun.CryptoHasher("sha256").update(readFileSync(file)).digest("hex");

/** `make binary` in a folder of its own, with what is installed here beyond what the program is made from; but for what is large. */
function binary(): string {
  const copy = join(top, "project");
  for (const name of ["package.json", "package-lock.json", "tsconfig.json", "runtime", "bsp-buildroot/binary.ts"])
    cpSync(join(project, name), join(copy, name), { recursive: true });
  const large = /node_modules\/(?:@typescript|@biomejs|bun|\.bin)$/;
  cpSync(realpathSync(join(project, "node_modules")), join(copy, "node_modules"), {
    recursive: true,
    filter: (from) => !large.test(from),
  });
  mkdirSync(join(copy, `build/bun/${arch}-${process.versions.bun}`), { recursive: true });
  symlinkSync(join(top, "package"), join(copy, `build/bun/${arch}-${process.versions.bun}/package`));
  run([process.execPath, "bsp-buildroot/binary.ts", arch], copy);
  return join(copy, "dist", `cairn-${arch}`);
}

test("the program is that of make binary, byte for byte, and is made without a network", () => {
  pack();
  const sources = join(top, "sources");
  mkdirSync(sources);
  run([...(privileged ? ["unshare", "--net"] : []), ...make(`${sources}/build`, sources)]);
  expect(digest(join(sources, "dist", `cairn-${arch}`))).toBe(digest(binary()));
}, 600_000);
