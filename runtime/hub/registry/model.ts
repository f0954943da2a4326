import type { RequestFault } from "../../certificates/index.ts";
import type { DeviceId } from "../../fleet/terms/index.ts";
import type { Device } from "../database/index.ts";

/** What becomes of a device that asks to be one of the fleet. */
export type Enrolment =
  /** An operator has to accept it; both sides show the code. */
  | { readonly kind: "waiting"; readonly id: DeviceId; readonly code: string }
  | { readonly kind: "certified"; readonly id: DeviceId; readonly certificate: Uint8Array };

export type EnrolFault =
  | { readonly kind: "request"; readonly fault: RequestFault }
  /** The request is for a name that is not that of its key. */
  | { readonly kind: "name"; readonly wanted: DeviceId }
  | { readonly kind: "token" }
  | { readonly kind: "revoked"; readonly id: DeviceId }
  /** Another key has this id. */
  | { readonly kind: "taken"; readonly id: DeviceId }
  /** So many wait that no more are taken up. */
  | { readonly kind: "full"; readonly waitingMax: number };

export type DeviceFault =
  | { readonly kind: "unknown"; readonly name: string }
  /** The code of several devices that wait. */
  | { readonly kind: "ambiguous"; readonly name: string; readonly ids: readonly DeviceId[] }
  | { readonly kind: "status"; readonly device: Device; readonly wanted: "waiting" | "notRevoked" }
  | { readonly kind: "tag"; readonly tag: string }
  | { readonly kind: "tooManyTags"; readonly max: number };

export const limits = {
  /** Devices that wait for an operator. */
  waitingMax: 1000,
  /** A device that waits and asks no more is forgotten after a day. */
  waitingMs: 86_400_000,
  /** When a device last asked is kept to the minute: asking often must not wear out the hub's disk. */
  askedMs: 60_000,
  tagsMax: 32,
  /** Characters of what devices report. */
  reportCharsMax: 16 << 10,
} as const;

const TAG = /^[a-z0-9][a-z0-9._=-]{0,63}$/;
export const isTag = (text: string): boolean => TAG.test(text);
