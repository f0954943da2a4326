/** Lines `lxc.mount.entry`: fstab(5) fields, target relative to the container's root. */
import type { Arguments } from "./arguments.ts";
import type { Findings } from "./findings.ts";
import { insidePath, mountPath } from "./paths.ts";
import { type Storage, storageName } from "./volumes.ts";

/** Blanks of a field are octal escapes; getmntent(3) reads these four back. */
const field = (text: string): string =>
  text.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);

/** `target` is an absolute path in the container. */
const entry = (source: string, target: string, type: string, options: string): string =>
  `lxc.mount.entry = ${field(source)} ${field(target.slice(1))} ${type} ${options} 0 0`;

const bind = (source: string, target: string, create: "dir" | "file", more = ""): string =>
  entry(source, target, "none", `bind,rw,create=${create}${more}`);

/** The device's own folders and files that a container is shown. */
export function deviceMounts(args: Arguments, findings: Findings): readonly string[] {
  const targetOf = (argument: string, otherwise: string): string => {
    const text = args.text(argument);
    const path = text === null ? otherwise : insidePath(text);
    if (path === null) findings.refuse("argument", `args.${argument}`, text, "a path in the container");
    return path ?? otherwise;
  };
  return [
    ...(args.isSet("PV_SECURITY_FULLDEV") ? ["lxc.mount.entry = /dev/ dev none bind,rw,create=dir 0 0"] : []),
    ...(args.isSet("PV_SECURITY_WITH_HOST") ? [bind("/", "/host", "dir")] : []),
    ...(args.isSet("PV_SECURITY_WITH_HOSTPROC") ? [bind("/proc", "/host/proc", "dir")] : []),
    ...(args.isSet("PV_SECURITY_WITH_STORAGE") ? [bind("/storage", "/storage", "dir")] : []),
    ...(args.isSet("PV_RESOLV_CONF_DISABLE")
      ? []
      : [bind("/etc/resolv.conf", targetOf("PV_RESOLV_CONF_PATH", "/etc/resolv.conf"), "file")]),
    ...(args.isSet("PV_RUN_TMPFS_DISABLE")
      ? []
      : [entry("tmpfs", targetOf("PV_RUN_TMPFS_PATH", "/run"), "tmpfs", "rw,nodev,relatime,create=dir,mode=755")]),
  ];
}

export const storageMounts = (name: string, storage: readonly Storage[]): readonly string[] =>
  storage.flatMap((one) => (one.path === null ? [] : [bind(`/volumes/${name}/${one.name}`, one.path, "dir")]));

/** One `what:target` of an argument; null after refusing it. */
function pair(text: string, argument: string, findings: Findings): readonly [what: string, target: string] | null {
  const [what = "", target = "", ...more] = text.split(":");
  const inside = insidePath(target);
  if (what !== "" && inside !== null && more.length === 0) return [what, inside];
  findings.refuse("argument", `args.${argument}`, text, "a source, a colon and a path in the container");
  return null;
}

/** A path below one of the runtime's folders, such as `/exports`. */
function below(folder: string, path: string, argument: string, findings: Findings): string | null {
  const inside = insidePath(path);
  if (inside === null) findings.refuse("argument", `args.${argument}`, path, `a path below ${folder}`);
  return inside === null ? null : `${folder}${inside}`;
}

/** What a container takes from others: `PV_FILEIMPORTS`, `PV_IMPORT_CONFIGVOLUMES`, `PV_VOLUME_MOUNTS`, `PV_VOLUME_IMPORTS`. */
export function importMounts(name: string, args: Arguments, findings: Findings): readonly string[] {
  const pairs = (argument: string, line: (what: string, target: string) => string | null): readonly string[] =>
    args.commaList(argument).flatMap((text) => {
      const found = pair(text, argument, findings);
      return (found === null ? null : line(...found)) ?? [];
    });
  const from = (folder: string, argument: string, line: (source: string) => string) => (what: string) => {
    const source = below(folder, what, argument, findings);
    return source === null ? null : line(source);
  };
  return [
    ...pairs("PV_FILEIMPORTS", (what, target) =>
      from("/exports", "PV_FILEIMPORTS", (source) => bind(source, target, "file"))(what),
    ),
    ...pairs("PV_IMPORT_CONFIGVOLUMES", (what, target) =>
      from("/volumes", "PV_IMPORT_CONFIGVOLUMES", (source) =>
        bind(`${source}/${name}`, target, "dir", ",optional,noexec"),
      )(what),
    ),
    ...pairs("PV_VOLUME_MOUNTS", (what, target) =>
      from(`/volumes/${name}`, "PV_VOLUME_MOUNTS", (source) => bind(source, target, "dir"))(what),
    ),
    ...args.list("PV_VOLUME_IMPORTS").flatMap((text) => volumeImport(text, findings) ?? []),
  ];
}

const MOUNT_FLAGS = /^[a-z0-9_,=]+$/;

/** `container:[subfolder@]path:target[:flags]`: a volume of another container, by its path in there (reference authoring 2.4). */
function volumeImport(text: string, findings: Findings): string | null {
  const [container = "", origin = "", target = "", flags = "rw", ...more] = text.split(":");
  const at = origin.indexOf("@");
  const path = mountPath(origin.slice(at + 1));
  const subfolder = at < 0 ? "" : insidePath(origin.slice(0, at));
  const [from, inside] = [insidePath(container), insidePath(target)];
  if (
    path === null ||
    subfolder === null ||
    from === null ||
    inside === null ||
    !MOUNT_FLAGS.test(flags) ||
    more.length > 0
  ) {
    findings.refuse(
      "argument",
      "args.PV_VOLUME_IMPORTS",
      text,
      "container:/path:/target, with a folder and @ before the path and :ro behind the target where wanted",
    );
    return null;
  }
  return entry(`/volumes${from}/${storageName(path)}${subfolder}`, inside, "none", `bind,${flags},create=dir`);
}

/** Left sides of `PV_VOLUME_MOUNTS`: files that are mounted at /volumes/<name>/ first. */
export const mountedVolumes = (args: Arguments): readonly string[] =>
  args.commaList("PV_VOLUME_MOUNTS").map((text) => text.split(":", 1)[0] ?? "");
