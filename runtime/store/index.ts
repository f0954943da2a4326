/**
 * The storage tree (reference section 5): objects by digest, revisions checked out in trails, their records, and every write that must
 * survive a power cut. All of it works on any folder; all of it goes through the port {@link Disk}.
 */

export { type Collected, collectGarbage, type Keep } from "./collect.ts";
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
export { removeTree } from "./empty-folder.ts";
export { boundEvidence, EVIDENCE_BYTES_MAX, type Evidence } from "./evidence.ts";
export { explainStore, type StoreError } from "./explain.ts";
export {
  type BadCommitMessage,
  clearBoots,
  countBoot,
  readBoots,
  readCommitMessage,
  readPrevious,
  writeCommitMessage,
  writePrevious,
} from "./facts.ts";
export { type BadFloor, readFloor, writeFloor } from "./floor.ts";
export {
  type BadVolumeName,
  makeLogFolder,
  makeVolumeFolder,
  prepareStorage,
  type VolumeStorage,
} from "./folders.ts";
export { type InstallError, type InstallOptions, installRevision } from "./install.ts";
export { neededBytes, type SizeUnknown } from "./needed.ts";
export {
  listObjects,
  type ObjectContents,
  type ObjectInfo,
  objectInfo,
  type Put,
  type PutError,
  type PutOptions,
  putObject,
  readObject,
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
export { type KeepReason, protectedRevisions, type RevisionsInUse } from "./protect.ts";
export { realDisk } from "./real-disk.ts";
export { finishRemovals, type Removed, removeRevision } from "./remove.ts";
export { isDone, listRevisions, markDone, readCurrent, readState, setCurrent, settleFactory } from "./revisions.ts";
export { makeFolders, makeWithParents, readFile, saveFile, walkFolders, writeTemporary } from "./save.ts";
export { type NoSpace, type StorageSpace, spaceFor, storageSpace } from "./space.ts";
export {
  findRevision,
  listSteps,
  type PutStateOptions,
  putState,
  readStateOf,
  resolveRevision,
  type Step,
} from "./steps.ts";
export { objectPath, openStore, type Store, trailFolder } from "./store.ts";
export {
  explainProblem,
  type HashCache,
  newHashCache,
  type Problem,
  type ValidateOptions,
  type Validation,
  validate,
  validateBootFiles,
} from "./validate.ts";
