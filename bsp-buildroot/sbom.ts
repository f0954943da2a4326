/**
 * Writes what an image is made of, with licences, into the folder of its images: `cairn-<board>.cdx.json`, CycloneDX 1.6.
 *
 *     bun bsp-buildroot/sbom.ts OUTPUT        (make sbom BOARD=…)
 *
 * OUTPUT is Buildroot's output folder with a configuration in it; nothing has to be built yet.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { billOfMaterials } from "./sbom/bill.ts";
import { hashesIn, PackageLock, ShowInfo } from "./sbom/sources.ts";

const top = resolve(import.meta.dir, "..");

function fail(why: string): never {
  console.error(`sbom: ${why}`);
  process.exit(2);
}

const given = process.argv[2];
if (given === undefined || given === "") fail("say where Buildroot's output folder is");
const output = resolve(given);
if (!existsSync(join(output, ".config"))) fail(`${output} has no .config: load a defconfig with O=${output} first`);

function make(...words: readonly string[]): string {
  const child = Bun.spawnSync(["make", "-s", "--no-print-directory", "-C", output, ...words], { stderr: "pipe" });
  if (child.exitCode !== 0) fail(`make ${words.join(" ")}: exit ${child.exitCode}\n${child.stderr}`);
  return child.stdout.toString();
}

/** Values of make's variables, as `make printvars` prints them: NAME=value. */
function variables(...names: readonly string[]): ReadonlyMap<string, string> {
  const lines = make("printvars", `VARS=${names.join(" ")}`, "QUOTED_VARS=").split("\n");
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

const setting = (name: string): string | undefined =>
  new RegExp(`^${name}="?(.*?)"?$`, "m").exec(readFileSync(join(output, ".config"), "utf8"))?.[1];

const json = <S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> =>
  v.parse(schema, JSON.parse(text));

const board = /(?:^|\/)cairn_(\w+)_defconfig$/.exec(setting("BR2_DEFCONFIG") ?? "")?.[1] ?? "custom";
const tree = variables("TOPDIR", "BR2_VERSION");
const lock = json(PackageLock, readFileSync(join(top, "package-lock.json"), "utf8"));
const bill = billOfMaterials({
  board,
  version: lock.packages[""]?.version ?? "",
  buildroot: tree.get("BR2_VERSION") ?? "",
  bun: setting("BR2_aarch64") === "y" ? "@oven/bun-linux-aarch64" : "@oven/bun-linux-x64",
  packages: json(ShowInfo, make("show-info")),
  lock,
  hashesOf: ({ hashes }, source) =>
    hashes
      .map((file) => resolve(tree.get("TOPDIR") ?? "", file))
      .filter((file) => existsSync(file))
      .flatMap((file) => hashesIn(readFileSync(file, "utf8"), source)),
});
const file = join(output, "images", `cairn-${board}.cdx.json`);
mkdirSync(join(output, "images"), { recursive: true });
writeFileSync(file, bill);
console.log(file);
