/** Containers in the shape that `pvr app add --type rootfs` gives them (reference 2.1, 2.2; authoring reference 2.4). */
import { sha256 } from "./host.ts";
import type { Json } from "./json.ts";

export type Persistence = "permanent" | "revision" | "boot";

export interface ContainerSpec {
  readonly name: string;
  /** Path of the packed root file system on this machine. */
  readonly root: string;
  /** Words of the command; what an image's entry point would be. Absent in a container whose goal is MOUNTED. */
  readonly command?: readonly string[];
  readonly workingFolder?: string;
  readonly environment?: readonly string[];
  /** Template arguments, as `pvr app add --arg` or src.json carry them: PV_GROUP, PV_STATUS_GOAL, PV_ROLES, … */
  readonly args?: Readonly<Record<string, Json>>;
  /** Folder in the container → how long it lives; `lxc-overlay` is the root's own writable layer. */
  readonly persistence?: Readonly<Record<string, Persistence>>;
  /** Overlay files of `_config/<name>/`: path → text. */
  readonly config?: Readonly<Record<string, string>>;
  /** Keys added to, or replaced in, run.json as they stand; for what the template cannot say. */
  readonly manifest?: Readonly<Record<string, Json>>;
}

/** A file of a revision: an object (on this machine, or its bytes) or inline JSON. */
export type Part = { readonly file: string } | { readonly bytes: string } | { readonly json: Json };

/** All parts of a container by their keys in the state. */
export async function containerParts(
  spec: ContainerSpec,
  digestOf: (file: string) => Promise<string>,
): Promise<Map<string, Part>> {
  const { name, config = {} } = spec;
  const digest = await digestOf(spec.root);
  const parts = new Map<string, Part>([
    [`${name}/root.squashfs`, { file: spec.root }],
    [`${name}/root.squashfs.rootfs-digest`, { bytes: `sha256:${digest}` }],
    [`${name}/run.json`, { json: manifest(spec) }],
    [`${name}/src.json`, { json: source(spec, digest) }],
  ]);
  if (!isPlainData(spec)) parts.set(`${name}/lxc.container.conf`, { bytes: lxcConfig(spec) });
  for (const [path, text] of Object.entries(config)) {
    const json = path.endsWith(".json");
    parts.set(`_config/${name}${path}`, json ? { json: JSON.parse(text) } : { bytes: text });
  }
  return parts;
}

const isPlainData = ({ args = {} }: ContainerSpec): boolean =>
  args["PV_STATUS_GOAL"] === "MOUNTED" || args["PV_RUNLEVEL"] === "data";

const volumeName = (path: string): string => `docker-${path.replace(/\/$/, "").replaceAll("/", "-")}`;

function manifest(spec: ContainerSpec): Json {
  const { name, args = {}, persistence = {} } = spec;
  const storage: Record<string, Json> = { "lxc-overlay": { persistence: persistence["lxc-overlay"] ?? "boot" } };
  for (const [path, value] of Object.entries(persistence))
    if (path !== "lxc-overlay") storage[volumeName(path)] = { persistence: value };
  const optional: Readonly<Record<string, string>> = {
    PV_GROUP: "group",
    PV_RUNLEVEL: "runlevel",
    PV_RESTART_POLICY: "restart_policy",
    PV_STATUS_GOAL: "status_goal",
    PV_ROLES: "roles",
  };
  const given = Object.entries(optional).flatMap(([arg, key]) =>
    args[arg] === undefined ? [] : [[key, args[arg]] as const],
  );
  return {
    "#spec": "service-manifest-run@1",
    name,
    drivers: {
      manual: args["PV_DRIVERS_MANUAL"] ?? [],
      required: args["PV_DRIVERS_REQUIRED"] ?? [],
      optional: args["PV_DRIVERS_OPTIONAL"] ?? [],
    },
    storage,
    "root-volume": "root.squashfs",
    volumes: [],
    ...Object.fromEntries(given),
    ...(isPlainData(spec) ? {} : { config: "lxc.container.conf", type: "lxc" }),
    ...spec.manifest,
  };
}

const source = (
  { args = {}, persistence = {}, command = [], workingFolder, environment }: ContainerSpec,
  digest: string,
): Json => ({
  "#spec": "service-manifest-src@1",
  args,
  docker_config: {
    Entrypoint: [...command],
    ...(workingFolder === undefined ? {} : { WorkingDir: workingFolder }),
    ...(environment === undefined ? {} : { Env: [...environment] }),
  },
  persistence,
  rootfs_digest: digest,
  template: "builtin-lxc-docker",
});

/** The text that pvr's template makes, line for line. */
function lxcConfig(spec: ContainerSpec): string {
  const { name, args = {}, persistence = {} } = spec;
  const [program = "/sbin/init", ...words] = spec.command ?? [];
  const arg = (key: string, otherwise: string): string => String(args[key] ?? otherwise);
  const list = (key: string): readonly string[] => (Array.isArray(args[key]) ? args[key].map(String) : []);
  const when = (key: string, line: string): readonly string[] => (args[key] === undefined ? [] : [line]);
  const unless = (key: string, line: string): readonly string[] => (args[key] === undefined ? [line] : []);
  const lines = [
    `lxc.tty.max = ${arg("LXC_TTY_MAX", "8")}`,
    `lxc.pty.max = ${arg("LXC_PTY_MAX", "1024")}`,
    "lxc.cgroup.devices.allow = a",
    `lxc.rootfs.path = overlayfs:/volumes/${name}/root.squashfs:/volumes/${name}/lxc-overlay/upper`,
    `lxc.init.cmd = ${[program, ...words.map((word) => `"${word}"`)].join(" ")}`,
    ...(spec.workingFolder === undefined ? [] : [`lxc.init.cwd = ${spec.workingFolder}`]),
    ...[...(spec.environment ?? []), ...list("PV_LXC_EXTRA_ENV")].map((text) => `lxc.environment = ${text}`),
    `lxc.namespace.keep = ${arg("PV_LXC_NAMESPACE_KEEP", "user net ipc")}`,
    ...when("PV_LXC_DISABLE_CONSOLE", "lxc.console.path = none"),
    `lxc.mount.auto = ${arg("LXC_MOUNT_AUTO_PROC", "proc")} ${arg("LXC_MOUNT_AUTO_SYS", "sys:rw")} ${arg("LXC_MOUNT_AUTO_GROUP", "cgroup")}`,
    ...when("PV_DISABLE_AUTODEV", "lxc.autodev = 0"),
    ...when("PV_SECURITY_FULLDEV", "lxc.mount.entry = /dev/ dev none bind,rw,create=dir 0 0"),
    ...when("PV_SECURITY_WITH_STORAGE", "lxc.mount.entry = /storage storage none bind,rw,create=dir 0 0"),
    ...unless(
      "PV_RESOLV_CONF_DISABLE",
      "lxc.mount.entry = /etc/resolv.conf etc/resolv.conf none bind,rw,create=file 0 0",
    ),
    ...unless("PV_RUN_TMPFS_DISABLE", "lxc.mount.entry = tmpfs run tmpfs rw,nodev,relatime,create=dir,mode=755 0 0"),
    ...Object.keys(persistence)
      .filter((path) => path !== "lxc-overlay")
      .sort()
      .map(
        (path) => `lxc.mount.entry = /volumes/${name}/${volumeName(path)} ${path.slice(1)} none bind,rw,create=dir 0 0`,
      ),
    ...list("PV_LXC_CAP_DROP").map((cap) => `lxc.cap.drop = ${cap.toLowerCase()}`),
    ...when("PV_LXC_EXTRA_CONF", arg("PV_LXC_EXTRA_CONF", "")),
  ];
  return `${lines.join("\n")}\n`;
}

/** Names a part's content: the digest of an object, null for inline JSON. */
export async function digestOfPart(part: Part, digestOf: (file: string) => Promise<string>): Promise<string | null> {
  if ("json" in part) return null;
  return "file" in part ? digestOf(part.file) : sha256(part.bytes);
}
