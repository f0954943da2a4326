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
  .map((name) => {
    const text = readFileSync(join(externalTree, "configs", name), "utf8");
    return { name, text, settings: new Map(readSettings(text, name).map(({ symbol, value }) => [symbol, value])) };
  });

/** The words of a setting without its quotes. */
export const wordsOf = ({ settings }: Defconfig, symbol: string): readonly string[] =>
  (settings.get(symbol) ?? '""')
    .slice(1, -1)
    .split(" ")
    .filter((word) => word !== "");
