/** Linux, as PID 1 needs it: one file per kernel facility, bound to libc.so.6 with bun:ffi. Nothing here knows of revisions.
 *  Every call gives a Result; {@link explainLinux} makes the sentence of any error. Works on x86_64 and aarch64 with glibc. */

import { unreachable } from "../result.ts";
import { type DeviceNotFound, explainDeviceNotFound } from "./blockdev.ts";
import { explainSys, type SysError } from "./errno.ts";
import { explainMalformed, type MalformedError } from "./malformed.ts";
import { explainModuleNotFound, type ModuleNotFound } from "./modules.ts";

/** Any error of this folder. */
export type LinuxError = SysError | MalformedError | ModuleNotFound | DeviceNotFound;

/** One sentence: what was done, to what, how it failed and, where we know, what to do. */
export function explainLinux(e: LinuxError): string {
  switch (e.kind) {
    case "sys":
      return explainSys(e);
    case "malformed":
      return explainMalformed(e);
    case "moduleNotFound":
      return explainModuleNotFound(e);
    case "deviceNotFound":
      return explainDeviceNotFound(e);
    default:
      return unreachable(e);
  }
}

export { type PartitionExtent, resizePartition } from "./blkpg.ts";
export {
  type DeviceNotFound,
  type DeviceSelector,
  findBlockDevice,
  listBlockDevices,
  type Partition,
  parseDeviceSelector,
  partitionAt,
  partitionsBeside,
  readSuperblock,
  waitForBlockDevice,
} from "./blockdev.ts";
export {
  CGROUP_ROOT,
  cgroupMembers,
  createCgroup,
  enableControllers,
  joinCgroup,
  killCgroup,
  limitMemory,
  listCgroups,
  mountCgroups,
  removeCgroup,
  sweepCgroup,
  weighCpu,
} from "./cgroup.ts";
export { setSystemClock } from "./clock.ts";
export { closeVerity, deviceMapperVersion, listMappings, openVerity, type VeritySpec } from "./dm.ts";
export { duplicate } from "./duplicate.ts";
export { explainSys, type SysArgs, type SysError } from "./errno.ts";
export { type Ext4Size, ext4Size, nextExt4Size, resizeExt4 } from "./ext4.ts";
export {
  exchangeNames,
  type FileSystemSpace,
  fileSystemSpace,
  freeze,
  makeNode,
  type NodeSpec,
  syncFileSystem,
  thaw,
} from "./fs.ts";
export { closeFd, cstr, LIBC, openFd, readText, sys, viaNode, withFd, writeControl } from "./libc.ts";
export { lockFile } from "./lock.ts";
export { type AttachedLoop, type AttachSpec, attachLoop, detachLoop, type LoopDevice, listLoops } from "./loop.ts";
export type { MalformedError } from "./malformed.ts";
export { type GrownTable, growLastPartition, MBR_BYTES } from "./master-boot-record.ts";
export type { ModuleIndex } from "./module-index.ts";
export {
  isModuleLoaded,
  loadModule,
  type ModuleNotFound,
  type ModuleSpec,
  modulesFolder,
  readModuleIndex,
  unloadModule,
} from "./modules.ts";
export {
  type BindSpec,
  bindMount,
  type MountFlag,
  type MountSpec,
  mount,
  moveMount,
  pivotRoot,
  remountReadOnly,
  setPropagation,
  switchRoot,
  type UmountHow,
  umount,
} from "./mount.ts";
export { bindForeignMount, type ForeignMount } from "./mount-tree.ts";
export { type MountEntry, parseMountinfo, readMountinfo } from "./mountinfo.ts";
export { bringUp } from "./net.ts";
export {
  type KernelParameter,
  kernelIdentity,
  type MemoryInfo,
  type PidStat,
  type ProcessMemory,
  parseCmdline,
  readCgroupPath,
  readCmdline,
  readMeminfo,
  readPidStat,
  readProcessMemory,
  supportsFilesystem,
} from "./proc.ts";
export {
  becomeSubreaper,
  decodeWaitStatus,
  type ExitedChild,
  explainWaitStatus,
  kill,
  setDumpable,
  setProcessName,
  startSession,
  type WaitStatus,
} from "./process.ts";
export { type Reaper, spawnChild, startReaper } from "./reaper.ts";
export { disableCtrlAltDel, rebootMachine, syncAll } from "./reboot.ts";
export { boundReceiveBuffer } from "./receive-buffer.ts";
export type { FileSystemIdentity } from "./superblock.ts";
export { type SystemInfo, systemInfo } from "./sysinfo.ts";
export { type TcpUsage, tcpUsage } from "./tcp-info.ts";
export { setTcpPatience, type TcpPatience } from "./tcp-patience.ts";
export { beginConnect, type Endpoint, openTcp, socketAddress } from "./tcp-socket.ts";
export { readVeritySuperblock, type VerityParams, type VeritySuperblock } from "./verity.ts";
export { openWatchdog, type Watchdog } from "./watchdog.ts";
