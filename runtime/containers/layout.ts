import type { ContainerName } from "../state/index.ts";

/**
 * Where a device keeps things while it runs (reference 5.1, 7). LXC configurations made by `pvr` name `/volumes`, `/configs` and
 * `/exports` literally, so those three are not configurable away: they are offered at these paths whatever the configuration says.
 */
export interface Layout {
  /** Mount point of the storage partition, normally `/storage`. */
  readonly storage: string;
  /** Running revision, a folder below `<storage>/trails`. */
  readonly revision: string;
  /** What containers see as `/pantavisor` (`PV_SYSTEM_RUNDIR`). */
  readonly runDir: string;
  readonly logDir: string;
}

export const volumesDir = "/volumes";
export const configsDir = "/configs";
export const exportsDir = "/exports";
/** liblxc's container folder; a tmpfs, and where the standard LXC tools look. */
export const lxcPath = "/var/lib/lxc";
/** Cairn's own volatile files: per-container control sockets, hooks, liblxc's mount point for root file systems. */
export const privateDir = "/run/cairn";
export const lxcRootfsMount = `${privateDir}/rootfs`;

export const trailDir = (layout: Layout): string => `${layout.storage}/trails/${layout.revision}`;
export const volumeDir = (container: ContainerName | "bsp", volume: string): string =>
  `${volumesDir}/${container}/${volume}`;
export const configOverlayDir = (container: ContainerName): string => `${configsDir}/${container}`;
export const containerLogDir = (layout: Layout, container: ContainerName): string =>
  `${layout.logDir}/${layout.revision}/${container}`;
/** Files that belong to one container alone: its control socket and its hooks. */
export const containerPrivateDir = (container: ContainerName): string => `${privateDir}/containers/${container}`;
export const controlSocket = (container: ContainerName): string => `${containerPrivateDir(container)}/pv-ctrl`;
/** The run folder as a `mgmt` container sees it: with its own control socket in the place of the host's. */
export const managementView = (container: ContainerName): string => `${containerPrivateDir(container)}/pantavisor`;
/** cgroup of a container and of its monitor, below the root of the pure v2 hierarchy; the first is the form of reference 7.5. */
export const payloadCgroup = (container: ContainerName): string => `lxc/${container}`;
export const monitorCgroup = (container: ContainerName): string => `lxc.monitor/${container}`;
