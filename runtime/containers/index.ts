/**
 * One container of a revision on this machine: its volumes, its amended LXC configuration, its start, stop and what is
 * left of it afterwards (reference 2.3, 2.4, 5.5, 7). Carries out what `supervise/` decides; decides nothing itself.
 */
export { type ContainerError, explainContainerError, explainVolumeError } from "./error.ts";
export { controlSocket, exportsDir, type Layout, lxcPath, privateDir, trailDir, volumeDir } from "./layout.ts";
export { type Containers, type ContainerWorld, openContainers, type StartedContainer } from "./lifecycle.ts";
export { type MountWorld, volumeStep } from "./mount-plan.ts";
export { mountVolumes, unmountVolumes, type VolumeError } from "./volumes.ts";
