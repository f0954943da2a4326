/** The door of the QEMU harness: describe a device, boot it, look at it from outside and from inside. */
export { type BaseOptions, baseSystem } from "./base.ts";
export type { ContainerSpec, Part, Persistence } from "./container.ts";
export { allGoalsReached, type ContainerStatus, containers, powerOff, whenContainers } from "./ctl.ts";
export { type Cairn, desk, typed } from "./desk.ts";
export type { DiskSpec, StorageCheck } from "./disk.ts";
export { type BootEnvironment, environmentFile, environmentPath } from "./environment.ts";
export { bringAlong, incoming } from "./export.ts";
export { type Arch, arches, hostArch, testArch } from "./host.ts";
export type { Json } from "./json.ts";
export { type BootOptions, boot, type Device, type EndReason, makeDeviceDisk, withDevice } from "./machine.ts";
export { ociImage } from "./oci-image.ts";
export { type Outcome, probeContainer } from "./probe.ts";
export { layWorkingCopy, released } from "./release.ts";
export { defaultGroups, type Revision, type RevisionSpec, revision } from "./revision.ts";
export { accounts, mountPoints, scriptContainer } from "./script-container.ts";
export { sharedDevice } from "./shared-device.ts";
export { type Signer, signed, signer, trustStore } from "./signed.ts";
export { squashfs, type TreeSpec, treeFolder } from "./tree.ts";
