/**
 * The storage tree (reference section 5): objects by digest, revisions checked out in trails, their records, and every write that must
 * survive a power cut. All of it works on any folder; all of it goes through the port {@link Disk}.
 */
export {
  type Disk,
  type DiskError,
  type DiskFault,
  type DiskResult,
  type DiskSpace,
  explainDiskError,
  type FileInfo,
  type FileType,
  type NewFile,
  type OpenFile,
  sameInode,
} from "./disk.ts";
export { explainStore, type StoreError } from "./explain.ts";
export {
  type BadVolumeName,
  makeLogFolder,
  makeVolumeFolder,
  prepareStorage,
  type StorageSpace,
  storageSpace,
  type VolumeStorage,
} from "./folders.ts";
export { type InstallError, installRevision } from "./install.ts";
export {
  listObjects,
  type ObjectInfo,
  objectInfo,
  type Put,
  type PutError,
  putObject,
  removeObject,
  removeUnfinishedObjects,
} from "./objects.ts";
export {
  type BadProgress,
  type Downloads,
  decodeProgress,
  encodeProgress,
  type Progress,
  type ProgressStatus,
  progressRecord,
  readProgress,
  writeProgress,
} from "./progress.ts";
export { realDisk } from "./real-disk.ts";
export {
  type BadRevisionName,
  compareRevisionNames,
  factory,
  isLocal,
  parseRevisionName,
  type RevisionName,
} from "./revision-name.ts";
export { isDone, listRevisions, markDone, readCurrent, readState, setCurrent, settleFactory } from "./revisions.ts";
export { makeFolders, readFile, saveFile, writeTemporary } from "./save.ts";
export { objectPath, openStore, type Store, trailFolder } from "./store.ts";
export {
  explainProblem,
  type HashCache,
  newHashCache,
  type Problem,
  type ValidateOptions,
  type Validation,
  validate,
} from "./validate.ts";
