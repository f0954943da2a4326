/** The `.pvr` folder (reference authoring 1.1): what is committed, what is added, its objects and settings. Every write is whole or not there. */
export { type Added, type AddedFile, clearAdded, readAdded, saveAdded } from "./added.ts";
export type { Config, Remembered } from "./config.ts";
export { explainRepository, type RepositoryError } from "./fault.ts";
export { alone } from "./lock.ts";
export { appendLog, type Change, type LogEntry, NO_MESSAGE, readLog, readMessage, saveMessage } from "./log.ts";
export {
  checkObject,
  fileBytes,
  findObject,
  keepObject,
  ReadFailed,
  type StoredObject,
  settleObjects,
  sweepObjects,
} from "./objects.ts";
export { isAlive } from "./process.ts";
export {
  createBare,
  createRepository,
  DEFAULT_SPEC,
  type NewRepository,
  openBare,
  openRepository,
  ownFolder,
  parseState,
  type Repository,
  readState,
  readStateText,
  remember,
  saveState,
  stateSha,
  userFolder,
} from "./repository.ts";
