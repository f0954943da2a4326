/**
 * What a revision is. {@link parseState} turns a state JSON (`pantavisor-service-system@1`, reference sections 1 and 2) into
 * plain immutable data, or says everything that is wrong with it. Pure: nothing here does I/O.
 */
export {
  type AntiRollback,
  antiRollbackOf,
  type BelowFloor,
  belowFloor,
  type Floor,
  type Part,
  parseFloor,
  raisedFloor,
} from "./antirollback.ts";
export { becomesFile } from "./document.ts";
export { explainState, type Fault, type FaultKind, type StateError, shown } from "./fault.ts";
export { defaultGroups } from "./groups.ts";
export {
  byCodePoint,
  type CanonicalMember,
  canonical,
  canonicalMembers,
  canonicalObject,
  canonicalText,
  decodeUtf8,
  type JsonFault,
  type JsonMember,
  type JsonNode,
  type JsonProblem,
  readJson,
} from "./json/index.ts";
export { type WantedObject, wantedObjects } from "./likeness.ts";
export { limits } from "./limits.ts";
export type * from "./model.ts";
export { parseContainerName, parseDigest, pathFault, pathRule } from "./names.ts";
export { ownerOf } from "./ownership.ts";
export { type ParseOptions, parseState } from "./parse.ts";
export {
  type BadRevisionName,
  compareRevisionNames,
  factory,
  isLocal,
  parseRevisionName,
  type RevisionName,
} from "./revision-name.ts";
export { type Transition, transition } from "./transition.ts";
