import type { Json } from "../../../state/index.ts";
import type { Arguments } from "./arguments.ts";
import { plainValue, type Start, startLines } from "./command-line.ts";
import type { Findings } from "./findings.ts";
import type { ImageConfig } from "./image-config.ts";
import type { RootFiles } from "./manifest.ts";
import { deviceMounts, importMounts, storageMounts } from "./mounts.ts";
import { parseSignal } from "./signal.ts";
import type { Source } from "./source.ts";
import { type ImageUser, resolveUser } from "./user.ts";
import type { Storage } from "./volumes.ts";

const INIT = "/sbin/init";

/** The text of `lxc.container.conf`: rows in the order of reference authoring 2.4, with what the image says of user and signal added. */
export function lxcConfig(
  name: string,
  source: Source,
  image: ImageConfig,
  args: Arguments,
  user: ImageUser | null,
  storage: readonly Storage[],
  root: RootFiles,
  findings: Findings,
): string {
  const env = [...environmentOf(image, user), ...args.list("PV_LXC_EXTRA_ENV")];
  const start = startOf(image, env, findings);
  const lines = [
    `lxc.tty.max = ${args.text("LXC_TTY_MAX") ?? "8"}`,
    `lxc.pty.max = ${args.text("LXC_PTY_MAX") ?? "1024"}`,
    ...(args.isSet("PV_DEBUG_MODE") ? [`lxc.log.file = /pv/logs/${name}.log`] : []),
    ...deviceRules(args),
    ...args.list("PVR_LXC_CGROUP_V1").map((rule) => `lxc.cgroup.${rule}`),
    `lxc.rootfs.path = ${rootPath(name, source, root)}`,
    `lxc.init.cmd = ${start.command}`,
    ...workingFolder(image, findings),
    ...userLines(user),
    ...haltSignal(image, findings),
    ...start.environment.map((value) => `lxc.environment = ${value}`),
    `lxc.namespace.keep = ${namespaces(args)}`,
    ...(args.isSet("PV_LXC_DISABLE_CONSOLE") ? ["lxc.console.path = none"] : []),
    `lxc.mount.auto = ${automatic(args)}`,
    ...(args.isSet("PV_DISABLE_AUTODEV") ? ["lxc.autodev = 0"] : []),
    ...deviceMounts(args, findings),
    ...storageMounts(name, storage),
    ...args.list("PV_LXC_CAP_DROP").map((names) => `lxc.cap.drop = ${names.toLowerCase()}`),
    ...args.list("PV_LXC_CAP_KEEP").map((names) => `lxc.cap.keep = ${names.toLowerCase()}`),
    ...networkLines(args, findings),
    ...args.lines("PV_LXC_EXTRA_CONF"),
    ...importMounts(name, args, findings),
  ];
  return `${lines.join("\n")}\n`;
}

function deviceRules(args: Arguments): readonly string[] {
  const white = args.list("PVR_LXC_CGROUP_DEVICES_WHITE");
  if (white.length === 0) return ["lxc.cgroup.devices.allow = a"];
  return ["lxc.cgroup.devices.deny = a", ...white.map((rule) => `lxc.cgroup.devices.allow = ${rule}`)];
}

function rootPath(name: string, { base = "", docker_ovl_digest = "" }: Source, root: RootFiles): string {
  const layers = [
    ...(docker_ovl_digest === "" ? [] : [`/volumes/${name}/${root.layer}`]),
    `/volumes/${base === "" ? name : base}/${root.image}`,
    `/volumes/${name}/lxc-overlay/upper`,
  ];
  return `overlayfs:${layers.join(":")}`;
}

/** Entry point and its arguments; a text is a command line as it stands, and then `Cmd` does not count. */
function startOf({ entrypoint, cmd }: ImageConfig, env: readonly string[], findings: Findings): Start {
  const line =
    typeof entrypoint === "string" ? entrypoint : entrypoint.length === 0 && typeof cmd === "string" ? cmd : "";
  if (line !== "") {
    if (plainValue(line) === null) findings.refuse("image", "docker_config.Entrypoint", line, "a command in one line");
    const start = startLines(["/bin/sh", "-c", `exec ${line}`], env, "docker_config.Env", findings);
    return env.every((setting) => plainValue(setting) !== null) ? { ...start, command: line } : start;
  }
  const place = entrypoint.length > 0 ? "docker_config.Entrypoint" : "docker_config.Cmd";
  const words = [...entrypoint, ...(typeof cmd === "string" ? [] : cmd)];
  return startLines(words.length === 0 ? [INIT] : words, env, place, findings);
}

function workingFolder({ workingFolder: folder }: ImageConfig, findings: Findings): readonly string[] {
  if (folder === "") return [];
  const value = plainValue(folder.startsWith("/") ? folder : `/${folder}`);
  if (value === null) findings.refuse("image", "docker_config.WorkingDir", folder, "a path in one line");
  return [`lxc.init.cwd = ${value}`];
}

/** Who the container's process is; null: root, as the image does not say. */
export function userOf(source: Source, { user }: ImageConfig, findings: Findings): ImageUser | null {
  if (user === "") return null;
  const known = source.image_user;
  if (known?.of === user) return known;
  const resolved = resolveUser(user, { passwd: null, group: null });
  if (resolved.ok) return resolved.value;
  findings.refuse(
    "user",
    "docker_config.User",
    user,
    'what it is in the image\'s /etc/passwd: "cairn app update" reads it',
  );
  return null;
}

/** `lxc.init.groups` is there since liblxc 5.0; without it, a process that is not root has no further groups. */
function userLines(user: ImageUser | null): readonly string[] {
  if (user === null || (user.uid === 0 && user.gid === 0)) return [];
  return [
    `lxc.init.uid = ${user.uid}`,
    `lxc.init.gid = ${user.gid}`,
    ...(user.groups.length === 0 ? [] : [`lxc.init.groups = ${user.groups.join(",")}`]),
  ];
}

/** Engines set HOME of the user that the image names; liblxc does not. */
function environmentOf({ env }: ImageConfig, user: ImageUser | null): readonly string[] {
  const home = user?.home ?? "";
  return home === "" || env.some((setting) => setting.startsWith("HOME=")) ? env : [...env, `HOME=${home}`];
}

/**
 * What asks init to end. Engines send SIGTERM to an image that does not say; liblxc's own SIGPWR is right for a system's init only.
 * `lxc.signal.stop`, by which a container is ended by force, stays SIGKILL.
 */
function haltSignal({ stopSignal, entrypoint, cmd }: ImageConfig, findings: Findings): readonly string[] {
  const signal = stopSignal === "" ? null : parseSignal(stopSignal);
  if (stopSignal !== "" && signal === null)
    findings.refuse("image", "docker_config.StopSignal", stopSignal, "a signal");
  if (signal !== null) return [`lxc.signal.halt = ${signal}`];
  const first = [entrypoint, cmd].flat().find((word) => word !== "");
  return first === undefined || /(^|\/)(init|systemd)$/.test(first) ? [] : ["lxc.signal.halt = SIGTERM"];
}

function namespaces(args: Arguments): string {
  const kept = args.text("PV_LXC_NAMESPACE_KEEP") ?? "user net ipc";
  const type = args.text("PV_LXC_NETWORK_TYPE");
  if (type === null || type === "host") return kept;
  return kept
    .split(/\s+/)
    .filter((one) => one !== "net")
    .join(" ");
}

const automatic = (args: Arguments): string =>
  [
    args.text("LXC_MOUNT_AUTO_PROC") ?? "proc",
    args.text("LXC_MOUNT_AUTO_SYS") ?? "sys:rw",
    args.text("LXC_MOUNT_AUTO_GROUP") ?? "cgroup",
  ].join(" ");

function networkLines(args: Arguments, findings: Findings): readonly string[] {
  const type = args.text("PV_LXC_NETWORK_TYPE");
  switch (type) {
    case null:
    case "host":
      return [];
    case "empty":
      return ["lxc.net.0.type = empty"];
    case "phys": {
      const link = args.text("PV_LXC_NETWORK_LINK");
      if (link === null)
        findings.refuse("argument", "args.PV_LXC_NETWORK_LINK", undefined, "the name of an interface, for phys");
      return ["lxc.net.0.type = phys", `lxc.net.0.link = ${link}`, "lxc.net.0.flags = up"];
    }
    case "veth": {
      const address = args.text("PV_LXC_NETWORK_IPV4_ADDRESS");
      const gateway = args.text("PV_LXC_NETWORK_IPV4_GATEWAY") ?? "auto";
      return [
        "lxc.net.0.type = veth",
        "lxc.net.0.link = lxcbr0",
        "lxc.net.0.flags = up",
        ...(address === null ? [] : [`lxc.net.0.ipv4.address = ${address}`, `lxc.net.0.ipv4.gateway = ${gateway}`]),
      ];
    }
    default:
      findings.refuse("argument", "args.PV_LXC_NETWORK_TYPE", type satisfies Json, "host, empty, phys or veth");
      return [];
  }
}
