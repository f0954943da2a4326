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
