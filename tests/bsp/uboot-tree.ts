/**
 * The boards' configurations of U-Boot in U-Boot's own tree, nothing built but Kconfig itself:
 *
 *     bun tests/bsp/uboot-tree.ts UBOOT          (make check-uboot UBOOT=…)
 *
 * UBOOT is the source of the boards' version, with bsp-buildroot/patches/uboot/VERSION applied. Every line of every fragment has to be in
 * what U-Boot makes of it.
 */
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { machines, wordsOf } from "./defconfigs.ts";
import { fragmentFiles, fragments, uBootConfig } from "./uboot.ts";

const given = process.argv[2];
if (given === undefined || given === "") throw new Error("say where U-Boot's source is: UBOOT=…");
const tree = resolve(given);

function run(command: readonly string[]): void {
  const child = Bun.spawnSync([...command], { cwd: tree });
  if (child.exitCode !== 0) throw new Error(`${command.join(" ")}: ${child.stdout}${child.stderr}`);
}

let lost = 0;
for (const [name, board] of machines) {
  const wanted = uBootConfig(board);
  if (wanted === null) continue;
  const out = resolve(import.meta.dir, "../../build/bsp/uboot", name.replaceAll(/\W+/g, "-"));
  const config = join(out, ".config");
  mkdirSync(out, { recursive: true });
  run(["make", "-s", `O=${out}`, `${wordsOf(board, "BR2_TARGET_UBOOT_BOARD_DEFCONFIG").join()}_defconfig`]);
  copyFileSync(config, join(out, "board.config"));
  run(["scripts/kconfig/merge_config.sh", "-m", "-O", out, join(out, "board.config"), ...fragmentFiles(board)]);
  run(["make", "-s", `O=${out}`, "olddefconfig"]);
  const has = fragments([readFileSync(config, "utf8")]);
  const faults = [...wanted].filter(([symbol, value]) => (has.get(symbol) ?? "n") !== value);
  console.log(`${faults.length === 0 ? "ok    " : "FAILED"} ${name}: ${wanted.size} settings`);
  for (const [symbol, value] of faults)
    console.log(`       lost: ${symbol}=${value}, it is ${has.get(symbol) ?? "not there"}`);
  lost += faults.length;
}
process.exit(lost === 0 ? 0 : 1);
