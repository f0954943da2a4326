import type { DriverAliases, DriverRequests } from "../state/index.ts";

/** One module to load for an alias. */
export interface DriverModule {
  readonly module: string;
  /** As modprobe takes them; may be empty. */
  readonly options: string;
}

export interface WantedDriver {
  readonly alias: string;
  readonly required: boolean;
  /** In load order; null: no section that applies defines the alias. */
  readonly modules: readonly DriverModule[] | null;
}

/**
 * What to load before a container starts (reference 1.8, 2.5). `fitConfig` selects the section `fitconfig:<value>`; a later
 * section adds to an earlier one. `userMeta` answers `${user-meta:KEY}`; an unknown key is empty text.
 */
export function wantedDrivers(
  requests: DriverRequests,
  aliases: DriverAliases,
  fitConfig: string | null,
  userMeta: (key: string) => string,
): readonly WantedDriver[] {
  const sections = ["all", ...(fitConfig === null ? [] : [`fitconfig:${fitConfig}`])];
  const parse = (line: string): DriverModule => {
    const [module = "", ...options] = line
      .replaceAll(/\$\{user-meta:([^}]*)\}/g, (_, key: string) => userMeta(key))
      .trim()
      .split(/\s+/);
    return { module, options: options.join(" ") };
  };
  const find = (alias: string) => {
    const defined = sections.flatMap((section) => aliases.get(section)?.get(alias) ?? []);
    const known = sections.some((section) => aliases.get(section)?.has(alias) === true);
    return known ? defined.map(parse) : null;
  };
  return [
    ...requests.required.map((alias) => ({ alias, required: true, modules: find(alias) })),
    ...requests.optional.map((alias) => ({ alias, required: false, modules: find(alias) })),
  ];
}
