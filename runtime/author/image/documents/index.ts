/** What images say about themselves, as types. Pure; every byte is a stranger's. */
export type { ImageConfig } from "./config.ts";
export { choosePlatform, type Platform, parsePlatform, platformText } from "./platform.ts";
export {
  type ConfigBlob,
  type Descriptor,
  type ImageDocument,
  type IndexEntry,
  type Manifest,
  readConfigBlob,
  readDocument,
  readSaved,
  type SavedImage,
} from "./read.ts";
export { parseReference, parseSource, type RegistryReference, type Source } from "./reference.ts";
