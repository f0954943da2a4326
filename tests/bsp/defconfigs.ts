/** The boards of the external tree. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { externalTree, readSettings } from "./kconfig.ts";

export interface Defconfig {
  readonly name: string;
  readonly text: string;
  readonly settings: ReadonlyMap<string, string>;
}

export const defconfigs: readonly Defconfig[] = readdirSync(join(externalTree, "configs"))
  .sort()
  .map((name) => defconfig(name, readFileSync(join(externalTree, "configs", name), "utf8")));

function defconfig(name: string, text: string): Defconfig {
  return { name, text, settings: new Map(readSettings(text, name).map(({ symbol, value }) => [symbol, value])) };
}

/** What gives a Raspberry Pi U-Boot, in this file of the tree: it is put behind a board's configuration. */
export const uBootConfig = "board/raspberrypi/uboot.config";
const uBootSettings = readFileSync(join(externalTree, uBootConfig), "utf8").replaceAll(/^# (?!BR2_).*\n/gm, "");

/** Each Raspberry Pi with U-Boot; the last of two settings counts. */
export const withUBoot: readonly Defconfig[] = defconfigs
  .filter(({ settings }) => settings.has("BR2_PACKAGE_RPI_FIRMWARE"))
  .map(({ name, text }) => defconfig(name, text + uBootSettings));

/** All that can be built, each by a name of its own. */
export const configurations: readonly [name: string, board: Defconfig][] = [
  ...defconfigs.map((board): [string, Defconfig] => [board.name, board]),
  ...withUBoot.map((board): [string, Defconfig] => [`${board.name}, with U-Boot`, board]),
];

/** The words of a setting without its quotes. */
export const wordsOf = ({ settings }: Defconfig, symbol: string): readonly string[] =>
  (settings.get(symbol) ?? '""')
    .slice(1, -1)
    .split(" ")
    .filter((word) => word !== "");
