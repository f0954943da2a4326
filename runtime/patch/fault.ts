import type { Result } from "../result.ts";
import { type DiskError, explainDiskError } from "../store/index.ts";
import { type Part, SECTION_BYTES_MAX, VERSION } from "./format.ts";

/** Why there is no patch, or no object from it. */
export type PatchFault =
  | { readonly kind: "disk"; readonly error: DiskError }
  /** A file became shorter or longer while it was read. */
  | { readonly kind: "changing"; readonly path: string }
  /** It does not begin as a patch does. */
  | { readonly kind: "notPatch" }
  | { readonly kind: "version"; readonly version: number }
  /** It ends inside its header or a section. */
  | { readonly kind: "truncated" }
  /** Bytes follow after the object is whole. */
  | { readonly kind: "trailing" }
  /** A number is none that a maker writes: too large, or longer than it need be. */
  | { readonly kind: "number"; readonly of: string }
  | { readonly kind: "objectBytes"; readonly says: number; readonly wanted: number }
  /** `has` is null when there is no base. */
  | { readonly kind: "baseBytes"; readonly says: number; readonly has: number | null }
  /** Words of the base are to be shifted as no maker has it, or outside of it. */
  | { readonly kind: "shift"; readonly at: number }
  | { readonly kind: "packing"; readonly part: Part; readonly packing: number }
  | { readonly kind: "partBytes"; readonly part: Part; readonly bytes: number; readonly bytesMax: number }
  /** What is packed is damaged, or longer or shorter than it says. */
  | { readonly kind: "unpacked"; readonly part: Part }
  /** A part ends before the steps are done. */
  | { readonly kind: "used"; readonly part: Part }
  /** Bytes of a part that no step uses. */
  | { readonly kind: "unused"; readonly part: Part; readonly bytes: number }
  /** A step or a section that makes nothing. */
  | { readonly kind: "idle" }
  | { readonly kind: "pastObject"; readonly bytes: number; readonly objectBytes: number }
  | { readonly kind: "outsideBase"; readonly from: number; readonly bytes: number; readonly baseBytes: number }
  /** The base became shorter while it was read. */
  | { readonly kind: "baseShort"; readonly at: number };

/** A patch that gives no object. What it gave so far is worth nothing. */
export class PatchError extends Error {
  override readonly name = "PatchError";
  constructor(readonly fault: PatchFault) {
    super(explainPatch(fault));
  }
}

/** The value of a call on the disk, or it throws. */
export function ofDisk<T>(result: Result<T, DiskError>): T {
  if (result.ok) return result.value;
  throw new PatchError({ kind: "disk", error: result.error });
}

const DAMAGED = "nothing of it was kept; it is damaged or not from a hub: fetch it again";

/** The sentence for people, and what they can do. */
export function explainPatch(fault: PatchFault): string {
  switch (fault.kind) {
    case "disk":
      return explainDiskError(fault.error);
    case "changing":
      return `no patch is made: ${fault.path} changed while it was read; try again when nobody writes to it`;
    case "version":
      return `the patch is of format ${fault.version}, this program reads ${VERSION}: update it, or let the hub make patches that it reads`;
    case "baseBytes":
      return `the patch is for a base of ${fault.says} bytes, ${fault.has === null ? "there is none" : `this one has ${fault.has}`}: name the right base`;
    case "baseShort":
      return `the patch is not applied: its base ends at byte ${fault.at} although it was longer before; check the storage`;
    default:
      return `the patch is not applied: ${damage(fault)}; ${DAMAGED}`;
  }
}

type Damage = Exclude<PatchFault, { kind: "disk" | "changing" | "version" | "baseBytes" | "baseShort" }>;

function damage(fault: Damage): string {
  switch (fault.kind) {
    case "notPatch":
      return "it does not begin as a patch does";
    case "truncated":
      return "it ends too early";
    case "trailing":
      return "bytes follow after its end";
    case "number":
      return `a number (${fault.of}) is too large or not in its shortest form`;
    case "objectBytes":
      return `it makes an object of ${fault.says} bytes, wanted is one of ${fault.wanted}`;
    case "shift":
      return `shift ${fault.at} of the base's words makes no sense`;
    case "packing":
      return `the ${fault.part} of a section are packed in an unknown way (${fault.packing})`;
    case "partBytes":
      return `the ${fault.part} of a section have ${fault.bytes} bytes, at most ${fault.bytesMax} of the ${SECTION_BYTES_MAX} of a section are left`;
    case "unpacked":
      return `the ${fault.part} of a section do not unpack to the bytes they are said to have`;
    case "used":
      return `the ${fault.part} of a section end before its steps are done`;
    case "unused":
      return `${fault.bytes} bytes of the ${fault.part} of a section are used by no step`;
    case "idle":
      return "a step or a section makes nothing";
    case "pastObject":
      return `a step makes ${fault.bytes} bytes more than the ${fault.objectBytes} of the object`;
    case "outsideBase":
      return `a step copies ${fault.bytes} bytes from ${fault.from} on, the base has ${fault.baseBytes}`;
  }
}
