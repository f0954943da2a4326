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
/** What makes an EROFS of the base system, with the program stored plain, likewise. */
export const erofsConfig = "board/all/erofs.config";

/** Each of these boards with what is put behind its configuration; the last of two settings counts. */
function behind(boards: readonly Defconfig[], fragment: string): readonly Defconfig[] {
  const settings = readFileSync(join(externalTree, fragment), "utf8").replaceAll(/^# (?!BR2_).*\n/gm, "");
  return boards.map(({ name, text }) => defconfig(name, text + settings));
}

export const withUBoot: readonly Defconfig[] = behind(
  defconfigs.filter(({ settings }) => settings.has("BR2_PACKAGE_RPI_FIRMWARE")),
  uBootConfig,
);
export const withErofs: readonly Defconfig[] = behind(defconfigs, erofsConfig);

type Named = readonly (readonly [name: string, board: Defconfig])[];

/** All that differ in kernel or boot loader, each by a name of its own. */
export const machines: Named = [
  ...defconfigs.map((board) => [board.name, board] as const),
  ...withUBoot.map((board) => [`${board.name}, with U-Boot`, board] as const),
];

/** All that can be built. */
export const configurations: Named = [
  ...machines,
  ...withErofs.map((board) => [`${board.name}, with EROFS`, board] as const),
];

/** The words of a setting without its quotes. */
export const wordsOf = ({ settings }: Defconfig, symbol: string): readonly string[] =>
  (settings.get(symbol) ?? '""')
    .slice(1, -1)
    .split(" ")
    .filter((word) => word !== "");
