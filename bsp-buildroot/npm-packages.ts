/**
 * What "built from source" downloads: writes package/cairn/npm.inc and package/cairn/cairn.hash from package-lock.json.
 *
 *     bun bsp-buildroot/npm-packages.ts
 *
 * To be run when the lock file has changed; a test says so.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import * as v from "valibot";
import { hashOfIntegrity, npmName, npmPackages, PackageLock } from "./sbom/sources.ts";

/** Bun for the machines that build and for devices. */
const buns = ["@oven/bun-linux-aarch64", "@oven/bun-linux-x64"] as const;

interface Download {
  /** Below node_modules. */
  readonly place: string;
  /** Below the registry. */
  readonly path: string;
  readonly sha512: string;
}

function downloads(lock: PackageLock): readonly Download[] {
  const bunPlaces = buns.map((name) => `node_modules/${name}`);
  return [...new Set([...npmPackages(lock).keys(), ...bunPlaces])].sort().map((place) => {
    const found = lock.packages[place];
    const hash = hashOfIntegrity(found?.integrity);
    if (found === undefined || hash?.kind !== "sha512") throw new Error(`package-lock.json does not pin ${place}`);
    const name = npmName(place);
    const path = `${name}/-/${basename(name)}-${found.version}.tgz`;
    return { place: place.slice("node_modules/".length), path, sha512: hash.hex };
  });
}

/** For cairn.mk: the version of Bun, and the other packages as place=path. */
export function makeLines(lock: PackageLock): string {
  const others = downloads(lock).filter(({ place }) => !buns.some((name) => name === place));
  const list = others.map(({ place, path }) => `${place}=${path}`).join(" \\\n\t");
  const version = lock.packages[`node_modules/${buns[0]}`]?.version ?? "";
  return `# Written by npm-packages.ts from package-lock.json.\nCAIRN_BUN_VERSION = ${version}\nCAIRN_NPM_PACKAGES = \\\n\t${list}\n`;
}

/** A file's name is all that Buildroot knows a download by. */
export function hashLines(lock: PackageLock): string {
  const byName = new Map<string, string>();
  for (const { path, sha512 } of downloads(lock)) {
    const name = basename(path);
    if ((byName.get(name) ?? sha512) !== sha512) throw new Error(`two packages are called ${name}`);
    byName.set(name, sha512);
  }
  const lines = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, hex]) => `sha512  ${hex}  ${name}\n`);
  return `# From npm, as package-lock.json has them; written by npm-packages.ts. Hashes of
# programs that you publish yourself go into cairn/cairn.hash in a
# BR2_GLOBAL_PATCH_DIR. Because this file is here, Buildroot refuses what has
# none; without any it would only warn.
${lines.join("")}`;
}

if (import.meta.main) {
  const folder = join(import.meta.dir, "package/cairn");
  const lock = v.parse(PackageLock, JSON.parse(readFileSync(resolve(import.meta.dir, "../package-lock.json"), "utf8")));
  writeFileSync(join(folder, "npm.inc"), makeLines(lock));
  writeFileSync(join(folder, "cairn.hash"), hashLines(lock));
}
