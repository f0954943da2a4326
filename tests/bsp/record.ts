/**
 * Writes the list of Buildroot's symbols that the external tree uses, as far as every one of the given trees declares them:
 *
 *     bun tests/bsp/record.ts BUILDROOT…
 *
 * A symbol that one of them lacks is named, and left out: the tests then fail on whoever uses it.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { configurations } from "./defconfigs.ts";
import { ownOptions } from "./kconfig.ts";

/** Symbols that a Buildroot tree declares. */
export function declaredIn(tree: string): ReadonlySet<string> {
  const files = ["arch", "boot", "fs", "linux", "package", "system", "toolchain"].flatMap((folder) =>
    readdirSync(join(tree, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => basename(file).startsWith("Config."))
      .map((file) => join(folder, file)),
  );
  return new Set(
    ["Config.in", ...files].flatMap((file) =>
      [...readFileSync(join(tree, file), "utf8").matchAll(/^(?:menu)?config (BR2_\w+)$/gm)].map(
        ([, name = ""]) => name,
      ),
    ),
  );
}

/** Buildroot's symbols that the external tree uses, sorted. */
export function usedSymbols(): readonly string[] {
  const { options, uses } = ownOptions();
  const own = new Set(options.map(({ symbol }) => symbol));
  const used = [
    ...uses.map(({ symbol }) => symbol),
    ...configurations.flatMap(([, { settings }]) => [...settings.keys()]),
  ];
  return [...new Set(used)].filter((symbol) => !own.has(symbol)).sort();
}

/** A tree's release, from its Makefile. */
export const releaseOf = (tree: string): string =>
  /^export BR2_VERSION := (\S+)$/m.exec(readFileSync(join(tree, "Makefile"), "utf8"))?.[1] ?? "unknown";

if (import.meta.main) {
  const trees = process.argv.slice(2);
  if (trees.length === 0) throw new Error("say which Buildroot trees");
  const declared = trees.map((tree) => ({ tree: releaseOf(tree), symbols: declaredIn(tree) }));
  const kept = usedSymbols().filter((symbol) => {
    const lacking = declared.filter(({ symbols }) => !symbols.has(symbol));
    for (const { tree } of lacking) console.error(`${symbol} is not in ${tree}`);
    return lacking.length === 0;
  });
  const head = `# ${declared.map(({ tree }) => tree).join(" ")}`;
  writeFileSync(join(import.meta.dir, "buildroot-symbols.txt"), `${[head, ...kept].join("\n")}\n`);
}
