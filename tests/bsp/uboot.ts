/** How boards configure U-Boot, by the fragments that their defconfigs name. */
import { readFileSync } from "node:fs";
import { type Defconfig, wordsOf } from "./defconfigs.ts";
import { externalTree } from "./kconfig.ts";

/** Values as they are written, without quotes; "n" for "is not set". */
export type UBootConfig = ReadonlyMap<string, string>;

/** The settings of fragments, one on top of the other; a line that is neither a setting, a comment nor empty is an error. */
export function fragments(texts: readonly string[]): UBootConfig {
  const config = new Map<string, string>();
  for (const line of texts.flatMap((text) => text.split("\n"))) {
    const off = /^# (CONFIG_\w+) is not set$/.exec(line)?.[1];
    const [, symbol, value] = /^(CONFIG_\w+)=(?:"(?=.*"$))?(.*?)"?$/.exec(line) ?? [];
    if (off !== undefined) config.set(off, "n");
    else if (symbol !== undefined && value !== undefined) config.set(symbol, value);
    else if (line !== "" && !line.startsWith("#")) throw new Error(`"${line}" is no setting`);
  }
  return config;
}

/** Paths of a board's fragments, in their order. */
export const fragmentFiles = (board: Defconfig): readonly string[] =>
  wordsOf(board, "BR2_TARGET_UBOOT_CONFIG_FRAGMENT_FILES").map((word) =>
    word.replace("$(BR2_EXTERNAL_CAIRN_PATH)", externalTree),
  );

/** Null: the board has no U-Boot. */
export function uBootConfig(board: Defconfig): UBootConfig | null {
  const files = fragmentFiles(board);
  return files.length === 0 ? null : fragments(files.map((file) => readFileSync(file, "utf8")));
}
