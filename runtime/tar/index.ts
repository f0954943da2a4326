/**
 * Tar archives: a streaming reader for those of strangers, and a writer that gives the same bytes for the same entries. It says what
 * stands in an archive; what is refused of it (names that lead outside, devices, links) callers decide.
 */
export {
  type Attributes,
  BadTar,
  type Entry,
  explainTar,
  type Kind,
  type Member,
  type TarFault,
  type TarLimits,
  type TarProblem,
  tarLimits,
} from "./model.ts";
export { decodeName, encodeName } from "./names.ts";
export { readTar } from "./read.ts";
export { writeTar } from "./write.ts";
