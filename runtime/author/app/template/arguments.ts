import type { Json } from "../../../state/index.ts";
import type { Findings } from "./findings.ts";

/** Template arguments that take a list (reference authoring 2.4); on a command line each is given as often as needed. */
export const listArguments: ReadonlySet<string> = new Set([
  "PV_DRIVERS_MANUAL",
  "PV_DRIVERS_OPTIONAL",
  "PV_DRIVERS_REQUIRED",
  "PV_LXC_CAP_DROP",
  "PV_LXC_CAP_KEEP",
  "PV_LXC_EXTRA_ENV",
  "PV_ROLES",
  "PV_VOLUME_IMPORTS",
  "PVR_LXC_CGROUP_DEVICES_WHITE",
  "PVR_LXC_CGROUP_V1",
]);

/** Arguments whose value is JSON. */
export const jsonArguments: ReadonlySet<string> = new Set(["PV_CONDITIONS", "PV_REMOUNT"]);

const otherArguments: ReadonlySet<string> = new Set([
  "LXC_MOUNT_AUTO_GROUP",
  "LXC_MOUNT_AUTO_PROC",
  "LXC_MOUNT_AUTO_SYS",
  "LXC_PTY_MAX",
  "LXC_TTY_MAX",
  "PV_AUTOMODFW",
  "PV_DEBUG_MODE",
  "PV_DISABLE_AUTODEV",
  "PV_EXTRA_VOLUMES",
  "PV_FILEIMPORTS",
  "PV_GROUP",
  "PV_IMPORT_CONFIGVOLUMES",
  "PV_LXC_DISABLE_CONSOLE",
  "PV_LXC_EXTRA_CONF",
  "PV_LXC_NAMESPACE_KEEP",
  "PV_LXC_NETWORK_IPV4_ADDRESS",
  "PV_LXC_NETWORK_IPV4_GATEWAY",
  "PV_LXC_NETWORK_LINK",
  "PV_LXC_NETWORK_TYPE",
  "PV_NETWORK_HOSTNAME",
  "PV_NETWORK_IP",
  "PV_NETWORK_MAC",
  "PV_NETWORK_POOL",
  "PV_RESOLV_CONF_DISABLE",
  "PV_RESOLV_CONF_PATH",
  "PV_RESTART_POLICY",
  "PV_RUNLEVEL",
  "PV_RUN_TMPFS_DISABLE",
  "PV_RUN_TMPFS_PATH",
  "PV_SECURITY_FULLDEV",
  "PV_SECURITY_WITH_HOST",
  "PV_SECURITY_WITH_HOSTPROC",
  "PV_SECURITY_WITH_STORAGE",
  "PV_STATUS_GOAL",
  "PV_VOLUME_MOUNTS",
]);

export const knownArguments: readonly string[] = [...listArguments, ...jsonArguments, ...otherArguments].sort();

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** The `args` of a `src.json`, each read as what its place in the template wants. */
export class Arguments {
  constructor(
    private readonly values: Readonly<Record<string, Json>>,
    private readonly findings: Findings,
  ) {
    for (const name of Object.keys(values)) {
      if (!knownArguments.includes(name))
        findings.remark(`args.${name}: the template has no such argument, it does nothing`);
    }
  }

  private value(name: string): Json {
    return Object.hasOwn(this.values, name) ? (this.values[name] ?? null) : null;
  }

  private refuse(name: string, wanted: string): void {
    this.findings.refuse("argument", `args.${name}`, this.value(name), wanted);
  }

  /** Is it there and not empty? What Go's templates, and so `pvr`, call true: `no` and `false` as texts are. */
  isSet(name: string): boolean {
    const value = this.value(name);
    if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
    return value !== null && value !== "" && value !== false && value !== 0;
  }

  /** A text of one line, or null when it is not set. */
  text(name: string): string | null {
    const value = this.value(name);
    if (!this.isSet(name)) return null;
    if (typeof value !== "object" && !CONTROL.test(String(value))) return String(value);
    this.refuse(name, "a text of one line");
    return null;
  }

  /** The items of a list; a single text is a list of one. */
  list(name: string): readonly string[] {
    const value = this.value(name);
    if (!this.isSet(name)) return [];
    const items: readonly Json[] = isArray(value) ? value : [value];
    if (items.every((item): item is string => typeof item === "string" && item !== "" && !CONTROL.test(item)))
      return items;
    this.refuse(name, "a list of texts of one line");
    return [];
  }

  /** The items of a text that separates them by commas; a list is taken, too. */
  commaList(name: string): readonly string[] {
    return this.list(name)
      .flatMap((item) => item.split(",").map((part) => part.trim()))
      .filter((part) => part !== "");
  }

  /** Lines of LXC configuration by the author's own hand: the one argument that may hold ends of lines. */
  lines(name: string): readonly string[] {
    const value = this.value(name);
    if (!this.isSet(name)) return [];
    const items: readonly Json[] = isArray(value) ? value : [value];
    if (items.every((item): item is string => typeof item === "string" && !item.includes("\0")))
      return items.flatMap((item) => item.replace(/\n+$/, "").split("\n"));
    this.refuse(name, "lines of LXC configuration");
    return [];
  }

  /** JSON, or a text that holds JSON, as every value is one that comes from a command line; undefined when it is not set. */
  json(name: string): Json | undefined {
    const value = this.value(name);
    if (!this.isSet(name)) return undefined;
    if (typeof value !== "string") return value;
    try {
      return JSON.parse(value);
    } catch {
      this.refuse(name, "JSON");
      return undefined;
    }
  }
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);
