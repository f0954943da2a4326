import type { Json } from "../../state/index.ts";
import { listArguments, type Source } from "./template/index.ts";

/**
 * Template arguments as a command line gives them, `NAME=VALUE`. Those that are lists collect what is given more than once, and take a
 * JSON array as one value, too; of the others the last one counts. An empty value takes an argument away.
 */
export function withArguments(
  args: Readonly<Record<string, Json>>,
  given: readonly (readonly [name: string, value: string])[],
): Readonly<Record<string, Json>> {
  const named = new Map<string, string[]>();
  for (const [name, value] of given) named.set(name, [...(named.get(name) ?? []), value]);
  const changed = [...named].map(([name, values]): readonly [string, Json] => {
    const last = values.at(-1) ?? "";
    if (!listArguments.has(name)) return [name, last];
    return [name, values.flatMap((value) => listed(value))];
  });
  const merged = [...Object.entries(args).filter(([name]) => !named.has(name)), ...changed];
  return Object.fromEntries(
    merged.filter(([, value]) => value !== "" && !(Array.isArray(value) && value.length === 0)),
  );
}

function listed(value: string): readonly Json[] {
  if (!value.startsWith("[")) return value === "" ? [] : [value];
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) ? parsed : [value];
  } catch {
    return [value]; // the template says what it wants there
  }
}

/** What an author may change of a `src.json` from the command line; a member that is absent leaves it as it is. */
export interface Wishes {
  readonly args?: readonly (readonly [name: string, value: string])[];
  readonly volumes?: readonly (readonly [path: string, persistence: string])[];
  /** `--config-json`: laid over the image's configuration. */
  readonly config?: Readonly<Record<string, Json>>;
  readonly formatOptions?: string;
  readonly format?: "erofs" | "squashfs";
  readonly verity?: boolean;
}

export function withWishes(source: Source, wishes: Wishes): Source {
  const format = wishes.format ?? source.format ?? "squashfs";
  const root = `root.${format}`;
  const args = withArguments(source.args ?? {}, wishes.args ?? []);
  const persistence = { ...source.persistence, ...Object.fromEntries(wishes.volumes ?? []) };
  const guarded = wishes.verity ?? Object.values(source.dm_enabled ?? {}).includes(true);
  const others = Object.entries(source.dm_enabled ?? {}).filter(([file]) => !/^root\.(erofs|squashfs)$/.test(file));
  return {
    ...source,
    args,
    persistence,
    dm_enabled: Object.fromEntries([...others, ...(guarded ? [[root, true] as const] : [])]),
    ...(wishes.config === undefined ? {} : { config: { ...source.config, ...wishes.config } }),
    ...(wishes.formatOptions === undefined ? {} : { format_options: wishes.formatOptions }),
    ...(format === "squashfs" && source.format === undefined ? {} : { format }),
  };
}
