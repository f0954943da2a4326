/** The files beside a repository (reference authoring 1.2): what changed in them, and how they become a commit and come back from one. */
export { type AddOptions, add, type NewlyAdded } from "./add.ts";
export { changesBetween } from "./changes.ts";
export { type CheckedOut, type CheckoutOptions, checkout } from "./checkout.ts";
export { type CommitOptions, type Committed, commit } from "./commit.ts";
export { type BrokenFile, explainBroken, explainWorkingCopy, type Oddity, type WorkingCopyError } from "./fault.ts";
export { openWorkingCopy } from "./open.ts";
export { type Scan, scan, type WorkingCopy } from "./scan.ts";
