import type { Container } from "../state/index.ts";
import { containerLogDir, controlSocket, type Layout, managementView } from "./layout.ts";
import type { MountEntry } from "./lxc-config.ts";

/** What the host offers for the automatic mounts. */
export interface HostFacts {
  /** `uname -r`; null when `/lib/modules/<release>` does not exist. */
  readonly modulesRelease: string | null;
  readonly hasFirmware: boolean;
  /** Where the container's root really keeps `/lib`: merged roots make it a symlink, which liblxc refuses as a target. */
  readonly libFolder: "lib" | "usr/lib";
}

/**
 * The files a container sees under `/pantavisor` (reference 7.4). The control socket is always the container's own: it tells
 * the runtime who calls. Only `mgmt` containers see the rest of the run folder.
 */
function pantavisorMounts(container: Container, layout: Layout): readonly MountEntry[] {
  if (container.roles.includes("mgmt")) {
    return [{ source: managementView(container.name), target: "pantavisor", options: "rbind,ro,create=dir" }];
  }
  const readOnlyFolder = (source: string, target: string): MountEntry => ({
    source,
    target: `pantavisor/${target}`,
    options: "bind,ro,create=dir",
  });
  return [
    { source: controlSocket(container.name), target: "pantavisor/pv-ctrl", options: "bind,rw,create=file" },
    readOnlyFolder(containerLogDir(layout, container.name), `logs/${layout.revision}/${container.name}`),
    readOnlyFolder(`${layout.runDir}/user-meta.${container.name}`, "user-meta"),
    readOnlyFolder(`${layout.runDir}/device-meta.${container.name}`, "device-meta"),
  ];
}

/** All mounts the runtime adds to a container's configuration: `/pantavisor`, kernel modules, firmware (reference 7.3). */
export function automaticMounts(container: Container, layout: Layout, host: HostFacts): readonly MountEntry[] {
  const fromHost: MountEntry[] = [];
  if (container.automodfw) {
    const add = (folder: string) =>
      fromHost.push({
        source: `/lib/${folder}`,
        target: `${host.libFolder}/${folder}`,
        options: "bind,ro,create=dir,optional",
      });
    if (host.modulesRelease !== null) add(`modules/${host.modulesRelease}`);
    if (host.hasFirmware) add("firmware");
  }
  return [...pantavisorMounts(container, layout), ...fromHost];
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** `/a/b` → `/a`, `/a/b`. */
function prefixes(path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

/**
 * A liblxc mount hook that offers `exports` of a container on the host (reference 2.10). It runs in the container's mount
 * namespace while host paths are still visible; the exports folder is a shared mount, so what is bound there reaches the host.
 * A symlink on the way would lead out of the container's root here, so it ends the start instead.
 */
export function exportHook(container: Container, exportsDir: string): string {
  const lines = container.exports.flatMap((path) => {
    const inside = `"$LXC_ROOTFS_MOUNT"${quoted(path)}`;
    const offered = quoted(`${exportsDir}/${container.name}${path}`);
    return [
      ...prefixes(path).map((prefix) => `[ ! -L "$LXC_ROOTFS_MOUNT"${quoted(prefix)} ]`),
      `mkdir -p ${inside} ${offered}`,
      `mount --bind ${inside} ${inside}`,
      `mount --make-shared ${inside}`,
      `mount --bind ${inside} ${offered}`,
    ];
  });
  return `#!/bin/sh\nset -e\n${lines.join("\n")}\n`;
}
