import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type ConfigInput,
  explainConfigWarning,
  type Level,
  resolveConfig,
} from "../../../runtime/boot/config/index.ts";
import { keyNames, table } from "../../../runtime/boot/config/keys.ts";
import { notInTheTable, originalKeys, ourDefaults, ours } from "./original-keys.ts";

const runtime = `${import.meta.dir}/../../../runtime`;
/** Cannot be switched off, so nobody asks for it. */
const PROTECTED = "PV_SECUREBOOT_CHECKSUM";

/** Sets one key at one level, lowest level first. */
const SET: Readonly<Record<Exclude<Level, "default">, (key: string, value: string) => ConfigInput>> = {
  "pv conf file": (key, value) => ({ file: `${key}=${value}\n` }),
  "ph conf file": (key, value) => ({ pantahub: `${key}=${value}\n` }),
  policy: (key, value) => ({ policy: `${key}=${value}\n` }),
  "oem config": (key, value) => ({ oem: `${key}=${value}\n` }),
  "pv cmdline": (key, value) => ({ commandLine: `quiet pv_${key}=${value} ro` }),
  "ph cmdline": (key, value) => ({ commandLine: `quiet ph_${key}=${value} ro` }),
  env: (key, value) => ({ environment: { [key]: value } }),
  metadata: (key, value) => ({ userMetadata: { [key]: value } }),
};
const SETTABLE = Object.keys(SET) as (keyof typeof SET)[];

const LETTERS: Readonly<Record<string, readonly Level[]>> = {
  C: ["pv conf file", "policy", "pv cmdline", "env"],
  H: ["ph conf file", "policy", "ph cmdline", "env"],
  O: ["oem config"],
  R: ["metadata"],
};
const allowedLevels = (letters: string): readonly Level[] => [...letters].flatMap((letter) => LETTERS[letter] ?? []);

/** A text the key takes, and not its default if it takes another. */
function sample(key: (typeof keyNames)[number]): string {
  const spec = table[key];
  const shown = spec.print(spec.initial);
  const candidates = [
    "7",
    "1",
    "0",
    "/elsewhere",
    "grub",
    "strict",
    "appengine",
    "managed",
    "absolute",
    "startup",
    "stdout",
    "x",
  ];
  const taken = candidates.filter((text) => spec.parse(text) !== undefined);
  const found = taken.find((text) => spec.print(spec.parse(text)) !== shown) ?? taken[0];
  if (found === undefined) throw new Error(`no sample for ${key}`);
  return found;
}

const entry = (input: ConfigInput, key: string) => resolveConfig(input).entries.find((e) => e.key === key);

describe("the table of keys", () => {
  test("has every key of the original, those of our own, and no other", () => {
    const known = [...originalKeys.map(({ key }) => key), ...notInTheTable, ...ours].sort();
    expect([...keyNames].sort() as string[]).toEqual(known);
  });

  test.each(originalKeys)("$key: default as the original's or listed as ours, and its older spelling", (original) => {
    const shown = ourDefaults[original.key] ?? original.shown;
    expect(entry({}, original.key)).toMatchObject({ key: original.key as never, value: shown, modified: "default" });
    expect(table[original.key as (typeof keyNames)[number]].alias).toBe(original.alias);
  });

  test("every listed difference is one", () => {
    for (const [key, shown] of Object.entries(ourDefaults)) {
      expect(originalKeys.find((o) => o.key === key)?.shown).not.toBe(shown);
    }
  });

  test.each(originalKeys)("$key: can be set exactly where the original allows it ($allowed)", ({ key, allowed }) => {
    const name = key as (typeof keyNames)[number];
    const text = sample(name);
    const levels = allowedLevels(allowed).filter((level) => key !== "PV_POLICY" || level !== "policy");
    for (const level of SETTABLE) {
      const { entries, warnings } = resolveConfig(SET[level](key, text));
      const found = entries.find((e) => e.key === key);
      if (levels.includes(level)) {
        const masked = table[name].secret;
        const value = masked ? "XXXX" : table[name].print(table[name].parse(text));
        expect(found).toMatchObject({ key: name, value, modified: level });
        expect(warnings.filter((w) => w.kind !== "notYet")).toEqual([]);
      } else {
        expect(found?.modified).toBe("default");
        expect(warnings).toEqual([{ kind: "notAllowed", key: name, level, allowed: levels as Level[] }]);
      }
    }
  });

  test.each(originalKeys.filter(({ alias }) => alias !== null))(
    "$key: the older spelling $alias sets it",
    (original) => {
      const level = allowedLevels(original.allowed)[0] as (typeof SETTABLE)[number];
      const name = original.key as (typeof keyNames)[number];
      const { entries, config } = resolveConfig(SET[level](original.alias ?? "", sample(name)));
      expect(entries.find((e) => e.key === name)?.modified).toBe(level);
      expect(config[name] as unknown).toEqual(table[name].parse(sample(name)));
    },
  );

  test.each([
    ["meta.cache.dir=/m", "PV_CACHE_USRMETADIR"],
    ["pantahub.log.push=0", "PV_LOG_PUSH"],
    ["updater.keep_factory=1", "PV_STORAGE_GC_KEEP_FACTORY"],
    ["PV_SECUREBOOT_OEM_TRUSTORE=mine", "PV_SECUREBOOT_OEM_TRUSTSTORE"],
    ["pv_log_level=5", "PV_LOG_LEVEL"],
  ])("the old spelling %s is understood", (file, key) => {
    expect(entry({ file }, key)?.modified).toBe("pv conf file");
  });
});

test("a key counts as implemented exactly when the runtime uses it", async () => {
  const used = new Set<string>();
  for (const file of new Bun.Glob("**/*.ts").scanSync(runtime)) {
    if (file.startsWith("boot/config/")) continue;
    const code = (await Bun.file(`${runtime}/${file}`).text()).replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, "");
    for (const [name] of code.matchAll(/(?<=[.{(!,;\s])(?<!readonly )P[VH]_[A-Z0-9_]+(?=[^A-Z0-9_])/g)) used.add(name);
  }
  expect(keyNames.filter((name) => table[name].implemented && !used.has(name))).toEqual([PROTECTED]);
  expect(keyNames.filter((name) => !table[name].implemented && used.has(name))).toEqual([]);
});

describe("levels", () => {
  test("a lower level never overwrites a higher one, whatever is set where, well or badly", () => {
    const texts = fc.constantFrom("0", "1", "3", "5", "30s", "/x", "name", "", "always", "-1", "99999", "grub", "a/b");
    const settings = fc.uniqueArray(fc.tuple(fc.constantFrom(...SETTABLE), texts), { selector: ([level]) => level });
    fc.assert(
      fc.property(fc.constantFrom(...keyNames), settings, (key, given) => {
        const line = given.flatMap(([level, text]) => SET[level](key, text).commandLine ?? []).join(" ");
        const input = Object.assign({}, ...given.map(([level, text]) => SET[level](key, text)), { commandLine: line });
        const spec = table[key];
        const winner = SETTABLE.flatMap((level) => {
          const text = given.find(([l]) => l === level)?.[1];
          const value = text === undefined || !spec.levels.has(level) ? undefined : spec.parse(text);
          return value === undefined ? [] : [{ level, value }];
        }).at(-1);
        const { config, entries } = resolveConfig(input);
        expect(config[key] as unknown).toEqual(winner === undefined ? spec.initial : winner.value);
        expect(entries.find((e) => e.key === key)?.modified).toBe(winner?.level ?? "default");
      }),
      { numRuns: 2000 },
    );
  });

  test("within a file the last line wins, and a bad one changes nothing", () => {
    const { config, warnings } = resolveConfig({ file: "PV_LOG_LEVEL=4\nlog.level=5\nPV_LOG_LEVEL=loud\n" });
    expect(config.PV_LOG_LEVEL).toBe(5);
    expect(warnings.map(explainConfigWarning)).toEqual([
      'PV_LOG_LEVEL (pv conf file): wants a whole number from 0 to 5, has "loud"; the value of a lower level stays',
    ]);
  });

  test("PV_ words of the kernel command line count as environment, below the real environment", () => {
    const commandLine = "PV_LOG_LEVEL=4 PV_WDT_MODE=startup PH_CREDS_HOST=hub";
    const { config, entries } = resolveConfig({ commandLine, environment: { PV_LOG_LEVEL: "5", HOME: "/" } });
    expect([config.PV_LOG_LEVEL, config.PV_WDT_MODE, config.PH_CREDS_HOST]).toEqual([5, "startup", "hub"]);
    expect(entries.find((e) => e.key === "PV_WDT_MODE")?.modified).toBe("env");
  });

  test("a command line far beyond 1024 bytes is read to its end", () => {
    expect(resolveConfig({ commandLine: `${"x=y ".repeat(5000)}pv_log.level=5` }).config.PV_LOG_LEVEL).toBe(5);
  });

  test("an empty text takes a setting of a lower level back", () => {
    const input = { file: "PV_STORAGE_DEVICE=LABEL=data", environment: { PV_STORAGE_DEVICE: "" } };
    expect(resolveConfig(input).config.PV_STORAGE_DEVICE).toBeNull();
  });

  test("the value of a key may hold equals signs, the spaces around it do not count", () => {
    const { config } = resolveConfig({ file: "  PV_STORAGE_DEVICE = LABEL=data  \r\n" });
    expect(config.PV_STORAGE_DEVICE).toBe("LABEL=data");
  });
});

describe("warnings", () => {
  test("a key whose feature is not there yet warns once, though it is set twice", () => {
    const { warnings } = resolveConfig({
      file: "PV_DEBUG_SHELL_TIMEOUT=5",
      environment: { PV_DEBUG_SHELL_TIMEOUT: "6" },
    });
    expect(warnings).toEqual([{ kind: "notYet", key: "PV_DEBUG_SHELL_TIMEOUT", level: "pv conf file" }]);
  });

  test("a key of a feature that is there does not warn", () => {
    expect(resolveConfig({ file: "PV_STORAGE_DEVICE=/dev/sda2" }).warnings).toEqual([]);
  });

  test("unknown keys and lines without a key are named and ignored, comments and blank lines are not", () => {
    const { warnings } = resolveConfig({ file: "# comment\n\nPV_NO_SUCH=1\nnonsense\n=3\n" });
    expect(warnings).toEqual([
      { kind: "badLine", level: "pv conf file", line: 4 },
      { kind: "badLine", level: "pv conf file", line: 5 },
      { kind: "unknownKey", key: "PV_NO_SUCH", level: "pv conf file" },
    ]);
  });

  test("keys of user metadata that are not ours are the owner's business", () => {
    expect(resolveConfig({ userMetadata: { "web.color": "blue" } }).warnings).toEqual([]);
  });

  test("a secret is neither shown nor quoted", () => {
    const good = resolveConfig({ pantahub: "PH_CREDS_SECRET=hunter2" });
    expect(good.config.PH_CREDS_SECRET).toBe("hunter2");
    const bad = resolveConfig({ pantahub: "PH_CREDS_SECRET=hunter2\u0007" });
    expect(bad.warnings.map((w) => w.kind)).toEqual(["badValue"]);
    const seen = [good.entries, good.warnings, bad.entries, bad.warnings.map(explainConfigWarning)];
    expect(JSON.stringify(seen)).not.toContain("hunter2");
  });

  test("hostile text stays on one short line", () => {
    const { warnings } = resolveConfig({ environment: { PV_LOG_LEVEL: `1\n${"x".repeat(100_000)}` } });
    const [line = ""] = warnings.map(explainConfigWarning);
    expect(line.length).toBeLessThan(300);
    expect(line).not.toContain("\n");
  });

  test("any texts whatever give a whole configuration", () => {
    const anything = fc.string({ unit: "binary", maxLength: 200 });
    fc.assert(
      fc.property(anything, anything, fc.dictionary(anything, anything), (file, commandLine, environment) => {
        const { entries } = resolveConfig({ file, policy: file, oem: file, commandLine, environment });
        expect(entries.length).toBe(keyNames.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe("kernel parameters", () => {
  test("are collected with the level that set them, the highest last", () => {
    const { sysctls, warnings } = resolveConfig({
      file: "PV_SYSCTL_KERNEL_PANIC=5\nsysctl.net.ipv4.ip_forward=1",
      commandLine: "pv_sysctl.kernel.core_pattern=core",
      environment: { PV_SYSCTL_KERNEL_PANIC: "9" },
    });
    expect(sysctls).toEqual([
      { key: "sysctl.net.ipv4.ip_forward", value: "1", modified: "pv conf file" },
      { key: "sysctl.kernel.core_pattern", value: "core", modified: "pv cmdline" },
      { key: "PV_SYSCTL_KERNEL_PANIC", value: "9", modified: "env" },
    ]);
    expect(warnings).toEqual([]);
  });

  test.each(["PV_SYSCTL_../../etc/passwd", "sysctl...etc", "sysctl.a/b", "PV_SYSCTL_", "PV_SYSCTL__A", "sysctl."])(
    "the name %s is refused",
    (key) => {
      const { sysctls, warnings } = resolveConfig({ file: `${key}=1` });
      expect(sysctls).toEqual([]);
      expect(warnings).toEqual([{ kind: "unknownKey", key, level: "pv conf file" }]);
    },
  );

  test("cannot be set from user metadata", () => {
    const { sysctls, warnings } = resolveConfig({ userMetadata: { PV_SYSCTL_KERNEL_PANIC: "0" } });
    expect(sysctls).toEqual([]);
    expect(warnings.map((w) => w.kind)).toEqual(["notAllowed"]);
  });
});
