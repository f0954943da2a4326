/** A state in an author's hands: its values with exact numbers, merge patches, parts, layout as text. Pure. */
export { laidOut } from "./layout.ts";
export { applyMembers, applyPatch, patchBetween, withoutNulls } from "./merge-patch.ts";
export {
  type BadFragment,
  belongsTo,
  EVERYTHING,
  explainParts,
  isEverything,
  mergeParts,
  type NoPart,
  onlyParts,
  parseFragment,
  partOf,
  partsOf,
  replaceParts,
  type Selection,
} from "./parts.ts";
export {
  type BadRevision,
  checkRevision,
  digestIn,
  digestValue,
  explainBadRevision,
  keyFault,
  OWN_FOLDERS,
  objectKeys,
  objectsIn,
  type Revision,
  readRevision,
  revisionText,
  SPEC_KEY,
} from "./revision.ts";
export { isMembers, type Members, NULL, readTree, sortedKeys, type Tree, treeText } from "./tree.ts";
