/** `cairn explain`: what is in a revision, what a device would do with it, what it needs, and what its signatures cover. */
export { explainRevision, type Subject } from "./explain.ts";
export type * from "./model.ts";
export { type Judge, judgeSignatures } from "./signatures.ts";
