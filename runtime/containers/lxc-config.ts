/**
 * What the runtime changes in an LXC configuration before liblxc reads it (reference 7.2 to 7.4), as text in, text out.
 * Format: lxc.container.conf(5), one `key = value` a line. The result is what `lxc-info` and its kin see under the lxcpath.
 */

/** One `lxc.mount.entry` to add, fstab(5) form; `target` is relative to the container's root. */
export interface MountEntry {
  readonly source: string;
  readonly target: string;
  /** Such as `bind,ro,create=dir`. */
  readonly options: string;
}

export interface Amendments {
  /** `lxc.uts.name` when the configuration sets none. */
  readonly hostname: string;
  /** Wins over what the configuration says, as the pool's `hostname` does; null: it does not apply. */
  readonly forcedHostname: string | null;
  /** Folder laid over the root's lower layers (reference 7.2), or null. */
  readonly configOverlay: string | null;
  readonly rootfsMount: string;
  readonly payloadCgroup: string;
  readonly monitorCgroup: string;
  readonly mounts: readonly MountEntry[];
  /** Scripts run by liblxc in the container's mount namespace before it enters its root. */
  readonly mountHooks: readonly string[];
  /** Items of the log layer; they replace what the configuration says for the same keys. */
  readonly logItems: readonly (readonly [key: string, value: string])[];
}

export interface AmendedConfig {
  readonly text: string;
  /** Words of `lxc.init.cmd`, quotes observed; null when the configuration leaves the choice to liblxc. */
  readonly command: readonly string[] | null;
  /** Lines that could not be carried over to pure cgroup v2. */
  readonly dropped: readonly string[];
}

/** Keys that the runtime alone decides. `lxc.cgroup.relative` and the `dir` keys would move the cgroups we watch and sweep. */
const ownedKeys = [/^lxc\.rootfs\.mount$/, /^lxc\.cgroup\.(relative|dir(\.|$))/];

/** cgroup v1 settings whose v2 counterpart takes the same value. Device rules become a BPF program of the same meaning. */
const v2Names: ReadonlyMap<string, string> = new Map([
  ["lxc.cgroup.devices.allow", "lxc.cgroup2.devices.allow"],
  ["lxc.cgroup.devices.deny", "lxc.cgroup2.devices.deny"],
  ["lxc.cgroup.memory.limit_in_bytes", "lxc.cgroup2.memory.max"],
  ["lxc.cgroup.memory.soft_limit_in_bytes", "lxc.cgroup2.memory.low"],
  ["lxc.cgroup.pids.max", "lxc.cgroup2.pids.max"],
  ["lxc.cgroup.cpuset.cpus", "lxc.cgroup2.cpuset.cpus"],
]);

const assignment = /^\s*([A-Za-z0-9_.]+)\s*=\s*(.*?)\s*$/;

/** Fields of fstab(5) hold no blanks: they are written as octal escapes, and getmntent(3) reads back these four. */
const fstabField = (text: string): string =>
  text.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);

/** Puts `overlay` in front of the lower layers: `overlayfs:<overlay>:<lower>…:<upper>` (reference 7.2). */
export function withConfigOverlay(rootfsPath: string, overlay: string): string {
  const match = /^(overlay|overlayfs):(.*)$/.exec(rootfsPath);
  return match === null ? rootfsPath : `${match[1]}:${overlay}:${match[2]}`;
}

/** liblxc takes one pair of quotes around a whole value away (`parse_line`, lxc src/lxc/confile.c). */
const unquoted = (value: string): string => /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;

/**
 * The words of a command line as `pvr` writes it: what stands in single or double quotes is one word, and ends with a quote before a
 * blank, since `pvr` escapes nothing. A single pair of quotes around everything says nothing, as for liblxc.
 */
export function splitCommand(text: string): readonly string[] {
  const inside = /^"[^"]*"$|^'[^']*'$/.test(text) ? unquoted(text) : text;
  const words = /"((?:[^"]|"(?!\s|$))*)"(?=\s|$)|'((?:[^']|'(?!\s|$))*)'(?=\s|$)|(\S+)/g;
  return [...inside.matchAll(words)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

export function amendLxcConfig(text: string, changes: Amendments): AmendedConfig {
  const replaced = new Set(changes.logItems.map(([key]) => key));
  const dropped: string[] = [];
  const lines: string[] = [];
  let named = false;
  let command: readonly string[] | null = null;
  for (const line of text.split("\n")) {
    const match = assignment.exec(line);
    const key = match?.[1];
    const value = match?.[2] ?? "";
    if (key === undefined) {
      lines.push(line);
    } else if (ownedKeys.some((pattern) => pattern.test(key)) || replaced.has(key)) {
    } else if (key === "lxc.init.cmd") {
      const words = splitCommand(value);
      command = words.length === 0 ? null : words;
      lines.push(line);
    } else if (key === "lxc.uts.name") {
      if (changes.forcedHostname !== null) continue;
      named = unquoted(value) !== "";
      lines.push(line);
    } else if (key === "lxc.rootfs.path" && changes.configOverlay !== null) {
      lines.push(`${key} = ${withConfigOverlay(unquoted(value), changes.configOverlay)}`);
    } else if (/^lxc\.cgroup\./.test(key)) {
      const v2 = v2Names.get(key);
      // -1 is cgroup v1's "no limit", which is how every v2 group begins.
      if (v2 === undefined || value === "-1") dropped.push(`${key} = ${value}`);
      else lines.push(`${v2} = ${value}`);
    } else {
      lines.push(line);
    }
  }
  while (lines.at(-1)?.trim() === "") lines.pop();
  lines.push(
    "",
    "# set by the runtime",
    ...(named ? [] : [`lxc.uts.name = ${changes.forcedHostname ?? changes.hostname}`]),
    `lxc.rootfs.mount = ${changes.rootfsMount}`,
    `lxc.cgroup.dir.container = ${changes.payloadCgroup}`,
    `lxc.cgroup.dir.monitor = ${changes.monitorCgroup}`,
    ...changes.mounts.map(
      ({ source, target, options }) =>
        `lxc.mount.entry = ${fstabField(source)} ${fstabField(target)} none ${options} 0 0`,
    ),
    ...changes.mountHooks.map((hook) => `lxc.hook.mount = ${hook}`),
    ...changes.logItems.map(([key, value]) => `${key} = ${value}`),
    "",
  );
  return { text: lines.join("\n"), command, dropped };
}
