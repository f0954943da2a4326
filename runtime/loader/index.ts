/**
 * The boot loader contract (reference section 6): one interface, a driver for each kind of loader. The formats are pure; files are
 * replaced in the one way that is safe for a reader without a journal (`env-file.ts`).
 */
export { type Area, openArea } from "./area.ts";
export type { Pair } from "./environment.ts";
export { explainLoader } from "./explain.ts";
export type { Loader, LoaderError, LoaderResult, LoaderState } from "./model.ts";
export {
  LOADER_TYPES,
  type LoaderPorts,
  type LoaderType,
  openLoader,
  type UbootEnvFile,
} from "./open.ts";
export type { BootPartition, Mountable } from "./rpiab.ts";
export { openUbootEnvPorts } from "./uboot-env-ports.ts";
