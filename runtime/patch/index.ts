/**
 * Patches: how an object that a device lacks is made from one that it has. The hub makes them, a device applies them as a stream with
 * little memory. A patch without a base is the object, compressed: one reader for both. The format stands in `format.ts`.
 */
export { type Applying, applyPatch, type RandomRead } from "./apply.ts";
export { explainPatch, PatchError, type PatchFault } from "./fault.ts";
export { VERSION as patchFormat } from "./format.ts";
export { type Making, type MakingLimits, makePatch, makingLimits } from "./make.ts";
