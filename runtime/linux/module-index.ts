/** What depmod(8) wrote into /lib/modules/<release>: where modules are, what they need, which aliases lead to them. */
export type ModuleIndex = {
  /** By module name (underscores): its file and those of everything it needs, in order of loading, itself last. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  readonly aliases: readonly { readonly pattern: RegExp; readonly name: string }[];
  readonly builtin: ReadonlySet<string>;
};

/** "kernel/drivers/net/dummy.ko.zst" is the module "dummy"; in names "-" and "_" are the same, the kernel writes "_". */
export const moduleName = (path: string): string =>
  path
    .slice(path.lastIndexOf("/") + 1)
    .replace(/\.ko(?:\.(?:gz|xz|zst))?$/, "")
    .replaceAll("-", "_");

/** An alias is a shell pattern: "pci:v00008086d*sv*sd*bc*sc*i*". */
function aliasPattern(glob: string): RegExp {
  const source = glob
    .replaceAll(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("-", "_")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${withRanges(source)}$`);
}

/** Inside brackets "-" makes a range and stays what it was. */
const withRanges = (source: string): string => source.replaceAll(/\[[^\]]*\]/g, (set) => set.replaceAll("_", "-"));

/** Parses the texts of modules.dep, modules.alias and modules.builtin; lines of another form are skipped, as modprobe does. */
export function parseModuleIndex(texts: { dep: string; alias: string; builtin: string }): ModuleIndex {
  const dep = [...texts.dep.matchAll(/^([^:\n]+):[ \t]*(.*)$/gm)];
  const alias = [...texts.alias.matchAll(/^alias[ \t]+(\S+)[ \t]+(\S+)$/gm)];
  return {
    // modules.dep names direct needs first: the last of the line is loaded first
    files: new Map(
      dep.map(([, file = "", needs = ""]) => [
        moduleName(file),
        [
          ...needs
            .split(" ")
            .filter((need) => need !== "")
            .reverse(),
          file,
        ],
      ]),
    ),
    aliases: alias.map(([, glob = "", name = ""]) => ({ pattern: aliasPattern(glob), name: moduleName(name) })),
    builtin: new Set(
      texts.builtin
        .split("\n")
        .filter((line) => line !== "")
        .map(moduleName),
    ),
  };
}

/** The modules that a name or an alias ("pci:v…", "fs-squashfs") stands for; none when nobody knows it. */
export function resolveModule(index: ModuleIndex, nameOrAlias: string): readonly string[] {
  const name = moduleName(nameOrAlias);
  if (index.files.has(name) || index.builtin.has(name)) return [name];
  const wanted = nameOrAlias.replaceAll("-", "_");
  return [...new Set(index.aliases.filter(({ pattern }) => pattern.test(wanted)).map((alias) => alias.name))];
}
