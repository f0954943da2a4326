import { BOOT_ARGUMENTS } from "./boot-arguments.ts";
import { type Config, type KeyName, keyNamed, keyNames, table } from "./keys.ts";
import { CO, LEVELS, type Level, type LevelSet } from "./level.ts";
import { type Assignment, parseCommandLine, parseFile } from "./syntax.ts";
import { isSysctlKey, type SysctlSetting } from "./sysctl.ts";
import type { LegacyValue } from "./value.ts";
import type { ConfigWarning } from "./warning.ts";

/** Texts of the levels, as they were read; a level that is absent says nothing. */
export interface ConfigInput {
  /** `<etcdir>/pantavisor.config`. */
  readonly file?: string | undefined;
  /** `pantahub.config`. */
  readonly pantahub?: string | undefined;
  /** `<etcpantavisordir>/policies/<PV_POLICY>.config`. */
  readonly policy?: string | undefined;
  /** `trails/<rev>/<PV_OEM_NAME>/<PV_POLICY or default>.config`; comes with the revision, so resolve again for each. */
  readonly oem?: string | undefined;
  /** `/proc/cmdline`, of any length. */
  readonly commandLine?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly userMetadata?: Readonly<Record<string, string>> | undefined;
}

/** One key as `GET /config2` shows it (reference 8.8); a secret's value is masked here already. */
export interface ConfigEntry {
  readonly key: KeyName;
  readonly value: string;
  readonly modified: Level;
  /** Its older spelling, and the value as `GET /config` encodes it under that name; null: the key never had one. */
  readonly legacy: { readonly alias: string; readonly value: LegacyValue } | null;
}

export interface Resolution {
  readonly config: Config;
  /** Every key once, in the order of the table. */
  readonly entries: readonly ConfigEntry[];
  /** In the order in which they are to be written: a later one wins. */
  readonly sysctls: readonly SysctlSetting[];
  readonly warnings: readonly ConfigWarning[];
}

const MASK = "XXXX";

/**
 * Every key's value from the highest level that gives a good one (reference 10.1). What is wrong is a warning and nothing else: a
 * device must boot with a bad configuration. To find the policy and OEM files, resolve, read them and resolve again with all texts.
 */
export function resolveConfig(input: ConfigInput): Resolution {
  const values: Record<string, unknown> = {};
  const modified = new Map<KeyName, Level>();
  for (const name of keyNames) values[name] = table[name].initial;
  const sysctls = new Map<string, SysctlSetting>();
  const warnings: ConfigWarning[] = [];
  const warnedNotYet = new Set<KeyName>();

  const apply = ({ key, value }: Assignment, level: Level): void => {
    if (isSysctlKey(key)) {
      if (!SYSCTL_LEVELS.has(level)) {
        warnings.push({ kind: "notAllowed", key, level, allowed: [...SYSCTL_LEVELS] });
        return;
      }
      sysctls.delete(key); // a Map keeps a key's first place; the later writer must come last
      sysctls.set(key, { key, value, modified: level });
      return;
    }
    const name = keyNamed(key);
    if (name === undefined) {
      // User metadata is the owner's own: most of its keys are not ours.
      if (level !== "metadata") warnings.push({ kind: "unknownKey", key, level });
      return;
    }
    const spec = table[name];
    if (!spec.levels.has(level)) {
      warnings.push({ kind: "notAllowed", key: name, level, allowed: [...spec.levels] });
      return;
    }
    const parsed = spec.parse(value);
    if (parsed === undefined) {
      warnings.push({ kind: "badValue", key: name, level, found: spec.secret ? null : value, wants: spec.wants });
      return;
    }
    if (!spec.implemented && !warnedNotYet.has(name)) {
      warnedNotYet.add(name);
      warnings.push({ kind: "notYet", key: name, level });
    }
    values[name] = parsed;
    modified.set(name, level);
  };

  const given = assignmentsByLevel(input, warnings);
  for (const level of LEVELS) for (const assignment of given.get(level) ?? []) apply(assignment, level);

  const entries = keyNames.map((key): ConfigEntry => {
    const spec = table[key];
    const level = modified.get(key) ?? "default";
    const masked = spec.secret && values[key] !== null;
    const { alias } = spec;
    return {
      key,
      value: masked ? MASK : spec.print(values[key]),
      modified: level,
      legacy: alias === null ? null : { alias, value: masked ? MASK : spec.legacy(values[key]) },
    };
  });
  // Sound because every name was filled from its own row's `initial` or `parse`.
  return { config: values as Config, entries, sysctls: [...sysctls.values()], warnings };
}

/** Kernel parameters may be set wherever a key of the original's sets `PV` and `OEM` may. */
const SYSCTL_LEVELS: LevelSet = CO;

function assignmentsByLevel(input: ConfigInput, warnings: ConfigWarning[]): ReadonlyMap<Level, readonly Assignment[]> {
  const file = (level: Level, text = ""): readonly [Level, readonly Assignment[]] => {
    const { assignments, badLines } = parseFile(text);
    for (const line of badLines) warnings.push({ kind: "badLine", level, line });
    return [level, assignments];
  };
  const line = parseCommandLine(input.commandLine ?? "").filter(({ key }) => !BOOT_ARGUMENTS.has(key));
  const withPrefix = (prefix: string): readonly Assignment[] =>
    line.flatMap(({ key, value }) => (key.startsWith(prefix) ? [{ key: key.slice(prefix.length), value }] : []));
  return new Map([
    file("pv conf file", input.file),
    file("ph conf file", input.pantahub),
    file("policy", input.policy),
    file("oem config", input.oem),
    ["pv cmdline", withPrefix("pv_")],
    ["ph cmdline", withPrefix("ph_")],
    // The kernel hands `PV_…=` to the first process as environment, which a shell script between may lose: read both.
    ["env", [...line, ...assignments(input.environment)].filter(({ key }) => /^P[VH]_/.test(key))],
    ["metadata", assignments(input.userMetadata)],
  ]);
}

const assignments = (record: Readonly<Record<string, string | undefined>> = {}): readonly Assignment[] =>
  Object.entries(record).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]));
