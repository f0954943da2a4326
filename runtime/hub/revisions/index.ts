/** Revisions that authors sent to the hub, and the objects that they are made of. */
export { explainRevision } from "./explain.ts";
export {
  type Added,
  limits,
  openRevisions,
  type RevisionFault,
  type Revisions,
  type RevisionsPorts,
} from "./revisions.ts";
