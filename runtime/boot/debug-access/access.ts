/** Decides when the device can be debugged from outside, and until when. Pure; times are monotonic milliseconds. */
import { unreachable } from "../../result.ts";

/** Null: the next boot. */
export type End = number | null;
export type Access = { readonly kind: "closed" } | { readonly kind: "open"; readonly end: End };

export type AccessEvent =
  | { readonly kind: "ordered"; readonly end: End }
  | { readonly kind: "endOrdered" }
  /** A timer fired; see {@link lookAgainInMs}. */
  | { readonly kind: "looked" }
  /** The server could not be started. */
  | { readonly kind: "notServed" };

/** `serve`: a server has to listen, and may do so already. `end`: it has to go, with all its sessions. */
export type Act = "serve" | "end" | "nothing";

export const CLOSED: Access = { kind: "closed" };

/** A server that ended by itself starts again after this. */
const RESTART_MS = 5_000;

/** An order never shortens what an earlier one gave. */
export function step(access: Access, event: AccessEvent, nowMs: number): readonly [Access, Act] {
  const isOpen = access.kind === "open";
  switch (event.kind) {
    case "ordered":
      return [{ kind: "open", end: isOpen ? later(access.end, event.end) : event.end }, "serve"];
    case "looked":
      if (!isOpen) return [access, "nothing"];
      return access.end !== null && nowMs >= access.end ? [CLOSED, "end"] : [access, "serve"];
    case "endOrdered":
    case "notServed":
      return isOpen ? [CLOSED, "end"] : [access, "nothing"];
    default:
      return unreachable(event);
  }
}

const later = (one: End, other: End): End => (one === null || other === null ? null : Math.max(one, other));

/** When to look at it again unless something happens before; null: not at all. */
export function lookAgainInMs(access: Access, serving: boolean, nowMs: number): number | null {
  if (access.kind === "closed") return null;
  const leftMs = access.end === null ? Number.POSITIVE_INFINITY : Math.max(0, access.end - nowMs);
  const waitMs = serving ? leftMs : Math.min(leftMs, RESTART_MS);
  return Number.isFinite(waitMs) ? waitMs : null;
}
