/**
 * The external tree in a Buildroot tree, nothing downloaded and nothing built but Kconfig itself:
 *
 *     bun tests/bsp/tree.ts BUILDROOT          (make check-bsp BUILDROOT=…)
 *
 * Style, every defconfig loaded without a setting lost and written back as it was, and every makefile evaluated.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Defconfig, defconfigs, erofsConfig, uBootConfig, withErofs, withUBoot } from "./defconfigs.ts";
import { externalTree } from "./kconfig.ts";
import { declaredIn, releaseOf, usedSymbols } from "./record.ts";

const given = process.argv[2];
if (given === undefined || given === "") throw new Error("say where the Buildroot tree is: BUILDROOT=…");
const tree = resolve(given);
const release = releaseOf(tree);
const out = resolve(import.meta.dir, "../../build/bsp", release);
mkdirSync(out, { recursive: true });

let failures = 0;
function verdict(what: string, faults: readonly string[]): void {
  console.log(`${faults.length === 0 ? "ok    " : "FAILED"} ${what}`);
  for (const fault of faults) console.log(`       ${fault}`);
  failures += faults.length === 0 ? 0 : 1;
}

/** A run's faults: what it said, when it ended badly. */
function run(command: readonly string[]): { readonly said: string; readonly faults: readonly string[] } {
  const child = Bun.spawnSync([...command], { cwd: tree, stderr: "pipe" });
  const said = child.stdout.toString();
  const faults = child.exitCode === 0 ? [] : `${said}${child.stderr}`.trim().split("\n").slice(-20);
  return { said, faults };
}

const make = (...words: readonly string[]) => run(["make", "-s", `BR2_EXTERNAL=${externalTree}`, `O=${out}`, ...words]);

/** Lines of `text` that are not in `other`. */
const missing = (text: string, other: string): readonly string[] => {
  const there = new Set(other.split("\n"));
  return text.split("\n").filter((line) => line !== "" && !there.has(line));
};

/** Every makefile is evaluated, and of the configuration come these packages. */
function showInfo(name: string, packages: readonly string[]): void {
  const { said, faults } = make("show-info");
  const there = faults.length === 0 ? Object.keys(JSON.parse(said)) : [];
  const lacking = packages.filter((one) => !there.includes(one));
  verdict(`${name}: show-info`, [...faults, ...lacking.map((one) => `no package ${one}`)]);
}

console.log(`Buildroot ${release}`);
const declared = declaredIn(tree);
verdict(
  "symbols",
  usedSymbols().filter((symbol) => !declared.has(symbol)),
);

const files = readdirSync(externalTree, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name));
verdict("check-package", run(["/usr/bin/python3", "utils/check-package", "-b", ...files]).faults);

for (const { name, text } of defconfigs) {
  const loaded = make(name);
  const config = loaded.faults.length === 0 ? readFileSync(join(out, ".config"), "utf8") : "";
  const saved = join(out, "saved_defconfig");
  const written = make("savedefconfig", `BR2_DEFCONFIG=${saved}`);
  const faults = [...loaded.faults, ...written.faults];
  if (faults.length === 0) {
    const back = readFileSync(saved, "utf8");
    faults.push(...missing(text, config).map((line) => `lost: ${line}`));
    faults.push(...missing(text, back).map((line) => `not needed: ${line}`));
    faults.push(...missing(back, text).map((line) => `not written: ${line}`));
    if (faults.length === 0 && back !== text) faults.push("the order is not that of savedefconfig");
  }
  verdict(name, faults);
  showInfo(name, ["cairn", "cairn-initramfs", "host-cairn", "lxc", "linux"]);
}

/** A fragment behind a board's configuration loses none of the settings, and brings its packages. */
function checkWith(what: string, fragment: string, { name, settings }: Defconfig, packages: readonly string[]): void {
  const merge = [
    "support/kconfig/merge_config.sh",
    "-m",
    "-O",
    out,
    join(out, ".config"),
    join(externalTree, fragment),
  ];
  const faults = [make(name), run(merge), make("olddefconfig")].flatMap((step) => step.faults);
  // What is off takes its own settings along: SQUASHFS has SQUASHFS4_ZSTD.
  const off = [...settings].filter(([, value]) => value === "n").map(([symbol]) => symbol);
  const wanted = [...settings]
    .filter(([symbol]) => !off.some((one) => symbol !== one && symbol.startsWith(one)))
    .map(([symbol, value]) => (value === "n" ? `# ${symbol} is not set` : `${symbol}=${value}`));
  const config = readFileSync(join(out, ".config"), "utf8");
  const title = `${name}, with ${what}`;
  verdict(title, [...faults, ...missing(wanted.join("\n"), config).map((line) => `lost: ${line}`)]);
  showInfo(title, packages);
}

for (const board of withUBoot)
  checkWith("U-Boot", uBootConfig, board, ["cairn", "uboot", "host-uboot-tools", "rpi-firmware", "linux"]);
for (const board of withErofs)
  checkWith("EROFS", erofsConfig, board, ["cairn", "rootfs-erofs", "host-erofs-utils", "host-squashfs", "linux"]);
process.exit(failures === 0 ? 0 : 1);
